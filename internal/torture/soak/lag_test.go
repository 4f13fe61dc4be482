package soak_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// replica is a source whose reads lag behind its writes by up to 400 ms.
type replica struct {
	mu   sync.Mutex
	rows map[int]*row // guarded by mu
}

// row has the times at which the versions of a record, from 1, were committed and acknowledged.
type row struct{ committed, acked []time.Time }

const mostLag = 400 * time.Millisecond

func (r *replica) load(_ context.Context, key int) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := time.Now().Add(-rand.N(mostLag))
	row := r.rows[key]
	n := 0
	for n < len(row.committed) && row.committed[n].Before(seen) {
		n++
	}
	return n, nil
}

func (r *replica) commit(key int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[key].committed = append(r.rows[key].committed, time.Now())
}

func (r *replica) ack(key int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rows[key].acked = append(r.rows[key].acked, time.Now())
}

// age returns for how long version had been out of date at a time.
func (r *replica) age(key, version int, at time.Time) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if acked := r.rows[key].acked; version < len(acked) {
		return max(0, at.Sub(acked[version]))
	}
	return 0
}

// lag reads and writes through four caches, and returns the greatest age of a value that was served.
func lag(t *testing.T, server *redistest.Server, strategy cachet.Strategy, d time.Duration) (oldest time.Duration) {
	t.Helper()
	const keys = 50
	source := &replica{rows: make(map[int]*row)}
	for key := range keys {
		source.rows[key] = &row{}
	}
	var (
		all    sync.WaitGroup
		mu     sync.Mutex
		caches []*cachet.Cache[int, int]
		end    = time.Now().Add(d)
	)
	for range 4 {
		client := redis.NewClient(&redis.Options{Addr: server.Addr})
		st := redisstore.New(client, redisstore.Options{})
		c := cachet.Must(cachet.New(st, cachet.Config[int, int]{
			Name: t.Name(), Load: source.load, TTL: 5 * time.Second, Strategy: strategy,
		}))
		t.Cleanup(func() {
			require.NoError(t, c.Close())
			require.NoError(t, st.Close())
			require.NoError(t, client.Close())
		})
		caches = append(caches, c)
	}
	for key := range keys { // each with a writer of its own
		all.Go(func() {
			for ; time.Now().Before(end); time.Sleep(time.Second + rand.N(time.Second)) {
				err := caches[rand.N(len(caches))].Update(context.Background(), key, func(context.Context) error {
					source.commit(key)
					return nil
				})
				if !assert.NoError(t, err) {
					return
				}
				source.ack(key)
			}
		})
	}
	for range 8 {
		all.Go(func() {
			for ; time.Now().Before(end); time.Sleep(time.Millisecond) {
				key, began := rand.N(keys), time.Now()
				v, err := caches[rand.N(len(caches))].Get(context.Background(), key)
				if !assert.NoError(t, err) {
					return
				}
				age := source.age(key, v, began)
				mu.Lock()
				oldest = max(oldest, age)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return oldest
}

// Loads that read a lagging replica store old values. On probation these live no longer than the lag.
func TestNothingOlderThanTheLagOfReplicasIsServed(t *testing.T) {
	server := redistest.Start(t)
	d := 2 * time.Second
	if *figures {
		d = 20 * time.Second
	}
	const bound = 500 * time.Millisecond
	t.Run("with", func(t *testing.T) {
		oldest := lag(t, server, aside.Strategy{ReplicaLag: bound}, d)
		t.Logf("the oldest value was out of date for %v", oldest)
		require.LessOrEqual(t, oldest, bound)
	})
	t.Run("without", func(t *testing.T) {
		oldest := lag(t, server, aside.Strategy{}, d)
		t.Logf("the oldest value was out of date for %v", oldest)
		require.Greater(t, oldest, bound)
	})
}
