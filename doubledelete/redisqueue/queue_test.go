package redisqueue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/doubledelete/redisqueue"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

func open(t *testing.T, client redis.UniversalClient, inv store.Invalidator, opts redisqueue.Options) *redisqueue.Queue {
	t.Helper()
	if opts.Error == nil {
		opts.Error = func(context.Context, error) {}
	}
	q := redisqueue.New(client, inv, opts)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = q.Close(ctx)
	})
	return q
}

func pending(t *testing.T, q *redisqueue.Queue) int64 {
	t.Helper()
	n, err := q.Pending(t.Context())
	require.NoError(t, err)
	return n
}

// empty waits until nothing is scheduled.
func empty(t *testing.T, q *redisqueue.Queue) {
	t.Helper()
	require.Eventually(t, func() bool { n, err := q.Pending(t.Context()); return err == nil && n == 0 }, 20*time.Second, 10*time.Millisecond)
}

// onTime requires that a delete was made no earlier than the delay after begin, and not much later.
func onTime(t *testing.T, begin, at time.Time, delay time.Duration) {
	t.Helper()
	require.GreaterOrEqual(t, at.Sub(begin), delay)
	require.Less(t, at.Sub(begin), delay+*late)
}

func TestKeysAreDeletedOnceTheDelayIsOver(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	q := open(t, srv.Client(t), g, redisqueue.Options{})
	begins := make(map[string]time.Time)
	for i := range 20 {
		key := fmt.Sprint("k", i)
		begins[key] = time.Now()
		require.NoError(t, q.Schedule(t.Context(), time.Duration(i)*100*time.Millisecond, key))
	}
	require.Positive(t, pending(t, q))
	for i := range 20 {
		key := fmt.Sprint("k", i)
		onTime(t, begins[key], g.await(t, key, 1)[0], time.Duration(i)*100*time.Millisecond)
	}
	empty(t, q)
}

func TestManyKeysAreScheduledAtOnce(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	q := open(t, srv.Client(t), g, redisqueue.Options{})
	require.NoError(t, q.Close(t.Context())) // it only asks
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	require.NoError(t, q.Schedule(t.Context(), 0, keys...))
	require.EqualValues(t, len(keys), pending(t, q))
	empty(t, open(t, srv.Client(t), g, redisqueue.Options{}))
	for _, key := range keys {
		require.NotEmpty(t, g.times(key), key)
	}
	require.Less(t, g.calls, 200, "they are deleted in batches")
}

func TestAKeyScheduledTwiceKeepsTheLaterTime(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	q := open(t, srv.Client(t), g, redisqueue.Options{})
	begin := time.Now()
	require.NoError(t, q.Schedule(t.Context(), 300*time.Millisecond, "earlier first", "once"))
	require.NoError(t, q.Schedule(t.Context(), 900*time.Millisecond, "earlier first", "later first"))
	require.NoError(t, q.Schedule(t.Context(), 300*time.Millisecond, "later first"))
	onTime(t, begin, g.await(t, "once", 1)[0], 300*time.Millisecond)
	onTime(t, begin, g.await(t, "earlier first", 1)[0], 900*time.Millisecond)
	onTime(t, begin, g.await(t, "later first", 1)[0], 900*time.Millisecond)
	empty(t, q)
}

// The delete under way may have been made before the write that schedules the next one: its end must not end that.
func TestAKeyScheduledWhileItsDeleteIsUnderWayIsDeletedOnceMore(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	q := open(t, srv.Client(t), g, redisqueue.Options{})
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once
	g.setFail(func([]string) error {
		once.Do(func() { close(entered); <-leave })
		return nil
	})
	require.NoError(t, q.Schedule(t.Context(), 0, "k"))
	<-entered
	begin := time.Now()
	require.NoError(t, q.Schedule(t.Context(), 300*time.Millisecond, "k"))
	close(leave)
	onTime(t, begin, g.await(t, "k", 2)[1], 300*time.Millisecond)
	empty(t, q)
}

func TestSchedulesOfTwoNamesAreApart(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	a, b := newTarget(), newTarget()
	q := open(t, srv.Client(t), a, redisqueue.Options{Name: "a}{"})
	open(t, srv.Client(t), b, redisqueue.Options{Name: "b"})
	require.NoError(t, q.Schedule(t.Context(), 0, "k"))
	a.await(t, "k", 1)
	require.Empty(t, b.times("k"))
}

// Names and keys may hold any bytes.
func TestAnyKeyMayBeScheduled(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	g := newTarget()
	q := open(t, srv.Client(t), g, redisqueue.Options{Name: "}\x00 {"})
	keys := []string{"", "\x00\xff", "{a}b", "a b\n", "-1", "nan"}
	require.NoError(t, q.Schedule(t.Context(), 0, keys...))
	for _, key := range keys {
		g.await(t, key, 1)
	}
}

func TestCloseLeavesTheScheduleToOthers(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	first, second := newTarget(), newTarget()
	q := open(t, srv.Client(t), first, redisqueue.Options{})
	begin := time.Now()
	require.NoError(t, q.Schedule(t.Context(), 2*time.Second, "k"))
	require.NoError(t, q.Close(t.Context()))
	require.NoError(t, q.Close(t.Context()))
	require.EqualValues(t, 1, pending(t, q))
	time.Sleep(2200 * time.Millisecond) // it would have been due
	require.Empty(t, first.times("k"))

	open(t, srv.Client(t), second, redisqueue.Options{})
	require.GreaterOrEqual(t, second.await(t, "k", 1)[0].Sub(begin), 2*time.Second)
}

func TestAClusterSpreadsTheSchedule(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	g := newTarget()
	q := open(t, cluster.Client(t), g, redisqueue.Options{Name: "odd}name"})
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	begin := time.Now()
	require.NoError(t, q.Schedule(t.Context(), 500*time.Millisecond, keys...))
	for _, key := range keys {
		onTime(t, begin, g.await(t, key, 1)[0], 500*time.Millisecond)
	}
	empty(t, q)
}
