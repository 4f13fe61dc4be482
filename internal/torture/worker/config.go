// Package worker is a process that reads and writes through caches of its own, and reports all it does.
package worker

import (
	"encoding/json"
	"os"
	"time"

	"github.com/redis/go-redis/v9"
)

// Environment is the variable that makes the program a worker. It has a Config.
const Environment = "CACHET_WORKER"

// What bounds how long a copy, and a fence, can last.
const (
	TTL      = 2 * time.Second
	StaleTTL = time.Second
	Life     = TTL + StaleTTL
	Lease    = time.Second
	Fence    = 2 * time.Second
)

// Config says what a worker does. It has two caches: the rows from 0 to Rows are written without a fence, as many
// thereafter with one.
type Config struct {
	Process  uint16
	Seed     uint64
	Source   string   // address of the database
	Redis    []string // addresses of the servers
	Cluster  bool
	Master   string        // name of the master, if Redis are sentinels
	Replicas int           // that must have an invalidation
	Rows     int           // of each cache
	Pad      int           // bytes that values have besides
	Linger   time.Duration // of a writer before and after its commit, at most
	Skew     time.Duration // of the wall clock, forwards or backwards, at most
	Slow     bool          // requests and replies for leases and fills are held up now and then

	Plain, Fenced Callers
}

// Callers is how many goroutines use a cache.
type Callers struct{ Readers, Writers int }

// FromEnvironment returns what a worker is told, or false in a process that is none.
func FromEnvironment() (cfg Config, ok bool, err error) {
	text, ok := os.LookupEnv(Environment)
	if !ok {
		return cfg, false, nil
	}
	err = json.Unmarshal([]byte(text), &cfg)
	return cfg, true, err
}

// String is what the environment of a worker should say.
func (c Config) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // it is strings and numbers
	}
	return Environment + "=" + string(text)
}

// Clients that give up soon see more faults in a given time.
const (
	patience = 500 * time.Millisecond
	pool     = 16
)

// Client returns a client as a worker has it.
func (c Config) Client() redis.UniversalClient { //nolint:ireturn // it is one of three
	switch {
	case c.Cluster:
		return redis.NewClusterClient(&redis.ClusterOptions{
			Addrs: c.Redis, DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolSize: pool,
		})
	case c.Master != "":
		return redis.NewFailoverClient(&redis.FailoverOptions{
			MasterName: c.Master, SentinelAddrs: c.Redis,
			DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolSize: pool, DialerRetries: 1,
		})
	default:
		return redis.NewClient(&redis.Options{
			Addr: c.Redis[0], DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolSize: pool,
		})
	}
}
