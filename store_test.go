package cachet_test

import (
	"context"
	"os/exec"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
	"github.com/cachet-go/cachet/store/redisstore"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// bed is where the cases of one test run: over each store, with one Redis server for all of them.
type bed struct {
	t      *testing.T
	server *redistest.Server
}

func newBed(t *testing.T) *bed {
	t.Helper()
	return &bed{t: t}
}

// place is a store under test.
type place struct {
	store.Store
	redis *redis.Client // nil in memory
}

// inBubble reports whether time is that of a bubble, and thus exact.
func (p place) inBubble() bool { return p.redis == nil }

// each runs test over every store: in memory inside a bubble, over Redis in real time. It must not start
// subtests.
func (b *bed) each(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	b.memory(t, test)
	b.real(t, test)
}

func (*bed) memory(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	t.Run("memstore", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, place{Store: memstore.New()}) })
	})
}

func (b *bed) real(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	t.Run("redisstore", func(t *testing.T) {
		client := b.start(t).Client(t)
		st := redisstore.New(client, redisstore.Options{})
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		require.NoError(t, client.FlushDB(t.Context()).Err())
		test(t, place{Store: st, redis: client})
		keys, err := client.Keys(t.Context(), "*").Result()
		require.NoError(t, err)
		for _, key := range keys {
			left, err := client.PTTL(t.Context(), key).Result()
			require.NoError(t, err)
			require.NotEqual(t, time.Duration(-1), left, "key %q is there for ever", key)
		}
	})
}

// start starts the server with the first case that needs it.
func (b *bed) start(t *testing.T) *redistest.Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		return redistest.Start(t) // skips this case only
	}
	if b.server == nil {
		b.server = redistest.Start(b.t)
	}
	return b.server
}

// open returns a cache that is closed with the test. A cache without a name is called "test".
func open[K comparable, V any](t *testing.T, st store.Store, cfg cachet.Config[K, V]) *cachet.Cache[K, V] {
	t.Helper()
	if cfg.Name == "" {
		cfg.Name = "test"
	}
	if cfg.Hooks.Error == nil {
		cfg.Hooks.Error = func(context.Context, error) {}
	}
	c, err := cachet.New(st, cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// until waits for what other goroutines do.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "in vain: %s", what)
	}
}

// receive waits for a value.
func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(t, "in vain: "+what)
		panic("not reached")
	}
}
