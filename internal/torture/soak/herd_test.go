package soak_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// instances returns n caches of one name, each with a client of its own.
func instances(
	t *testing.T, server *redistest.Server, n int, lease time.Duration, load func(context.Context, string) (int64, error),
) []*cachet.Cache[string, int64] {
	t.Helper()
	caches := make([]*cachet.Cache[string, int64], n)
	for i := range caches {
		client := redis.NewClient(&redis.Options{Addr: server.Addr, PoolSize: 32})
		// A machine that is busy with a thousand readers is not to look like a Redis that fails.
		st := redisstore.New(client, redisstore.Options{Lease: lease, Timeout: 10 * time.Second})
		caches[i] = cachet.Must(cachet.New(st, cachet.Config[string, int64]{Name: "herd", Load: load}))
		t.Cleanup(func() {
			require.NoError(t, caches[i].Close())
			require.NoError(t, st.Close())
			require.NoError(t, client.Close())
		})
	}
	return caches
}

// herd has readers read key by all caches at once and returns the number of loads.
func herd(t *testing.T, caches []*cachet.Cache[string, int64], loads *atomic.Int64, key string, readers int) int64 {
	t.Helper()
	before := loads.Load()
	var group errgroup.Group
	for i := range readers {
		group.Go(func() error {
			_, err := caches[i%len(caches)].Get(context.Background(), key)
			return err
		})
	}
	require.NoError(t, group.Wait())
	return loads.Load() - before
}

func TestAHerdOverFourInstancesLoadsOnce(t *testing.T) {
	server := redistest.Start(t)
	var loads atomic.Int64
	caches := instances(t, server, 4, 0, func(context.Context, string) (int64, error) {
		time.Sleep(20 * time.Millisecond)
		return loads.Add(1), nil
	})
	for run := range 100 {
		require.NoError(t, caches[0].Invalidate(context.Background(), "k"))
		require.EqualValues(t, 1, herd(t, caches, &loads, "k", 1000), "run %d", run)
	}
}

func TestAHerdLoadsOnceThoughTheLoadOutlastsTheLease(t *testing.T) {
	server := redistest.Start(t)
	var loads atomic.Int64
	caches := instances(t, server, 4, 200*time.Millisecond, func(context.Context, string) (int64, error) {
		time.Sleep(time.Second)
		return loads.Add(1), nil
	})
	for run := range 3 {
		require.EqualValues(t, 1, herd(t, caches, &loads, fmt.Sprint("k", run), 1000))
	}
}

// A failed load fails its waiters in this process; those in others are told and try for themselves.
func TestAFailedLoadSendsOtherProcessesOnTheirOwnTry(t *testing.T) {
	server := redistest.Start(t)
	ctx := context.Background()
	failure := fmt.Errorf("no database here")
	begun, end := make(chan struct{}), make(chan struct{})
	failing := instances(t, server, 1, 0, func(context.Context, string) (int64, error) {
		close(begun)
		<-end
		return 0, failure
	})[0]
	tried := make(chan time.Time, 1)
	other := instances(t, server, 1, 0, func(context.Context, string) (int64, error) {
		tried <- time.Now()
		return 7, nil
	})[0]
	var group errgroup.Group
	for range 2 {
		group.Go(func() error {
			_, err := failing.Get(ctx, "k")
			require.ErrorIs(t, err, failure)
			return nil
		})
	}
	<-begun
	group.Go(func() error {
		v, err := other.Get(ctx, "k")
		require.EqualValues(t, 7, v)
		return err
	})
	require.Eventually(t, func() bool { return other.Stats().Waits == 1 }, 5*time.Second, time.Millisecond)
	time.Sleep(20 * time.Millisecond) // let it subscribe
	failed := time.Now()
	close(end)
	require.NoError(t, group.Wait())
	t.Logf("own try %v after the failure", (<-tried).Sub(failed).Round(100*time.Microsecond))
}
