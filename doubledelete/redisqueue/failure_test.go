package redisqueue_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/doubledelete/redisqueue"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

// A process claims k, hangs until its claim has lapsed, and ends: by then k is scheduled again and claimed by another
// process, which must not lose it.
func TestAnOldClaimsEndDoesNotEndThatOfAnother(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	slow, other := newTarget(), newTarget()
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	slow.setFail(func([]string) error {
		once.Do(func() { close(entered); <-leave })
		return nil
	})
	other.setFail(func([]string) error { return errStore })
	q := open(t, srv.Client(t), slow, redisqueue.Options{})
	require.NoError(t, q.Schedule(t.Context(), 0, "k"))
	<-entered
	require.NoError(t, q.Schedule(t.Context(), 0, "k"))
	open(t, srv.Client(t), other, redisqueue.Options{})
	tried := func(n int) func() bool {
		return func() bool { other.mu.Lock(); defer other.mu.Unlock(); return other.calls >= n }
	}
	require.Eventually(t, tried(1), 10*time.Second, time.Millisecond)
	close(leave)
	slow.await(t, "k", 1)
	require.NoError(t, q.Close(t.Context()))
	other.setFail(nil)
	other.await(t, "k", 1)
	empty(t, q)
}

func TestWhatFailsIsRepeatedUntilItSucceedsAndReportedOnce(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	g.setFail(func([]string) error { return errStore })
	reports := make(chan error, 100)
	q := open(t, srv.Client(t), g, redisqueue.Options{Error: func(_ context.Context, err error) { reports <- err }})
	require.NoError(t, q.Schedule(t.Context(), 0, "k"))
	require.ErrorIs(t, <-reports, errStore)
	require.Eventually(t, func() bool { g.mu.Lock(); defer g.mu.Unlock(); return g.calls >= 4 }, 10*time.Second, time.Millisecond)
	require.Empty(t, reports)
	require.EqualValues(t, 1, pending(t, q))
	g.setFail(nil)
	g.await(t, "k", 1)
	empty(t, q)
}

func TestOnlyTheKeysThatFailedAreRepeated(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	var failures atomic.Int32
	g.setFail(func(keys []string) error {
		if slices.Contains(keys, "bad") && failures.Add(1) <= 5 {
			return &store.KeysError{Keys: []string{"bad"}, Err: errStore}
		}
		return nil
	})
	q := open(t, srv.Client(t), g, redisqueue.Options{})
	keys := []string{"bad"}
	for i := range 100 {
		keys = append(keys, fmt.Sprint("good", i))
	}
	require.NoError(t, q.Schedule(t.Context(), 0, keys...))
	empty(t, q)
	require.GreaterOrEqual(t, failures.Load(), int32(6))
	for _, key := range keys {
		require.NotEmpty(t, g.times(key), key)
		require.Less(t, len(g.times(key)), 4, "%s is repeated", key) // where the machine stalls, a claim may lapse
	}
}

func TestAPanicOfTheStoreIsAFailure(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	var once sync.Once
	g.setFail(func([]string) error { once.Do(func() { panic("store") }); return nil })
	reports := make(chan error, 100)
	q := open(t, srv.Client(t), g, redisqueue.Options{Error: func(_ context.Context, err error) { reports <- err }})
	require.NoError(t, q.Schedule(t.Context(), 0, "k"))
	require.ErrorContains(t, <-reports, "panicked")
	g.await(t, "k", 1)
}

func TestCloseWaitsForTheDeleteUnderWayAndTellsIfItLeavesIt(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	g.setFail(func([]string) error { entered <- struct{}{}; <-leave; return nil })
	q := open(t, srv.Client(t), g, redisqueue.Options{})
	require.NoError(t, q.Schedule(t.Context(), 0, "k"))
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, q.Close(ctx), context.DeadlineExceeded)
	close(leave)
	require.NoError(t, q.Close(t.Context()))
	g.await(t, "k", 1)
}

func TestAScheduleThatIsNotReachedNamesTheKeys(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	client := srv.Client(t, func(o *redis.Options) { o.MaxRetries = -1 })
	q := open(t, client, newTarget(), redisqueue.Options{})
	srv.Kill()
	err := q.Schedule(t.Context(), 0, "a", "b", "c")
	var failed *store.KeysError
	require.ErrorAs(t, err, &failed)
	require.ElementsMatch(t, []string{"a", "b", "c"}, failed.Keys)
	_, err = q.Pending(t.Context())
	require.Error(t, err)
}

func TestWorkGoesOnWhenTheServerIsBack(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	reports := make(chan error, 100)
	q := open(t, srv.Client(t, func(o *redis.Options) { o.MaxRetries = -1 }), g, redisqueue.Options{
		Error: func(_ context.Context, err error) { reports <- err },
	})
	require.NoError(t, q.Schedule(t.Context(), 0, "warm"))
	g.await(t, "warm", 1)
	srv.Kill()
	require.Error(t, <-reports)
	srv.Restart()
	require.Eventually(t, func() bool { return q.Schedule(t.Context(), 0, "k") == nil }, 10*time.Second, 10*time.Millisecond)
	g.await(t, "k", 1)
	require.LessOrEqual(t, len(reports), 8, "one per shard and outage")
}
