package soak_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// While the source is down readers have the old value, and one process tries once in a lease time. Once that value is
// invalidated nobody has it again.
func TestReadersHaveTheOldValueWhileTheSourceIsDownUntilItIsInvalidated(t *testing.T) {
	const throttle = time.Second // the lease time
	down := 3 * time.Second
	if *figures {
		down = 10 * time.Second
	}
	server := redistest.Start(t)
	var (
		failing atomic.Bool
		tries   atomic.Int64
		version atomic.Int64
		errDown = errors.New("no database here")
		caches  []*cachet.Cache[string, int64]
	)
	version.Store(1)
	for range 4 {
		client := redis.NewClient(&redis.Options{Addr: server.Addr})
		st := redisstore.New(client, redisstore.Options{Lease: throttle})
		c := cachet.Must(cachet.New(st, cachet.Config[string, int64]{
			Name: "old", TTL: 200 * time.Millisecond, StaleTTL: time.Hour,
			Load: func(context.Context, string) (int64, error) {
				if failing.Load() {
					tries.Add(1)
					return 0, errDown
				}
				return version.Load(), nil
			},
			Hooks: cachet.Hooks{Error: func(_ context.Context, err error) { slog.Debug("reported", "error", err) }},
		}))
		t.Cleanup(func() {
			require.NoError(t, c.Close())
			require.NoError(t, st.Close())
			require.NoError(t, client.Close())
		})
		caches = append(caches, c)
	}
	ctx := context.Background()
	_, err := caches[0].Get(ctx, "k")
	require.NoError(t, err)
	time.Sleep(300 * time.Millisecond) // past its TTL
	failing.Store(true)

	var reads atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(down)
	for i := range 8 {
		all.Go(func() {
			for ; time.Now().Before(end); time.Sleep(4 * time.Millisecond) {
				v, err := caches[i%len(caches)].Get(ctx, "k")
				if !assert.NoError(t, err) || !assert.EqualValues(t, 1, v) {
					return
				}
				reads.Add(1)
			}
		})
	}
	all.Wait()
	t.Logf("%d reads in %v, %d tries", reads.Load(), down, tries.Load())
	require.NotZero(t, tries.Load())
	require.LessOrEqual(t, tries.Load(), int64(down/throttle)+1, "one try at once, and one in each throttle interval")

	version.Store(2)
	require.NoError(t, caches[0].Invalidate(ctx, "k"))
	for i := range 40 {
		_, err := caches[i%len(caches)].Get(ctx, "k")
		require.ErrorIs(t, err, errDown)
	}
	failing.Store(false)
	for i := range 40 {
		v, err := caches[i%len(caches)].Get(ctx, "k")
		require.NoError(t, err)
		require.EqualValues(t, 2, v)
	}
}
