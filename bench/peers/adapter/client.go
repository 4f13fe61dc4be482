package adapter

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// impatience is the time-out of whatever is asked of Redis in an outage. With one repetition, a library may ask twice
// within the second that its caller has.
const impatience = 200 * time.Millisecond

// client returns a go-redis client, the same for every library that is built on one. In an outage its time-outs are
// short, as its own (3 s and three repetitions) would leave no time for the source, whatever the library did.
func (c Config) client() *redis.Client {
	opts := &redis.Options{Addr: c.Addr, ContextTimeoutEnabled: true}
	if c.Impatient {
		opts.MaxRetries, opts.DialTimeout, opts.PoolTimeout = 1, impatience, impatience
		opts.ReadTimeout, opts.WriteTimeout = impatience, impatience
	}
	client := redis.NewClient(opts)
	if c.Sent != nil {
		client.AddHook(c.Sent)
	}
	return client
}
