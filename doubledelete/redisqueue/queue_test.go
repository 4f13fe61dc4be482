package redisqueue_test

import (
	"context"
	"errors"
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

var errStore = errors.New("store failed")

// target is a store that notes when which key was deleted.
type target struct {
	store.Invalidator // nil: nothing else is called

	mu      sync.Mutex
	deleted map[string][]time.Time
	calls   int
	fail    func(keys []string) error // called without mu
	changed chan struct{}
}

func newTarget() *target {
	return &target{deleted: make(map[string][]time.Time), changed: make(chan struct{}, 1)}
}

func (g *target) Invalidate(_ context.Context, keys ...string) error {
	g.mu.Lock()
	g.calls++
	fail := g.fail
	g.mu.Unlock()
	var err error
	if fail != nil {
		err = fail(keys)
	}
	named, _ := errors.AsType[*store.KeysError](err)
	if err != nil && named == nil {
		return err
	}
	g.mu.Lock()
	for _, key := range keys {
		if named == nil || key != named.Keys[0] {
			g.deleted[key] = append(g.deleted[key], time.Now())
		}
	}
	g.mu.Unlock()
	select {
	case g.changed <- struct{}{}:
	default:
	}
	return err
}

func (g *target) setFail(fail func(keys []string) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = fail
}

func (g *target) times(key string) []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]time.Time(nil), g.deleted[key]...)
}

// await waits until key was deleted n times and returns when.
func (g *target) await(t *testing.T, key string, n int) []time.Time {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		if times := g.times(key); len(times) >= n {
			return times
		}
		select {
		case <-g.changed:
		case <-time.After(50 * time.Millisecond):
		case <-patience:
			t.Fatalf("%s: deleted %v, want %d times", key, g.times(key), n)
		}
	}
}

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
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
	}
	require.NoError(t, q.Schedule(t.Context(), time.Second, keys...))
	require.EqualValues(t, len(keys), pending(t, q))
	empty(t, q)
	for _, key := range keys {
		require.Len(t, g.times(key), 1)
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
	require.EqualValues(t, 3, pending(t, q))
	onTime(t, begin, g.await(t, "once", 1)[0], 300*time.Millisecond)
	onTime(t, begin, g.await(t, "earlier first", 1)[0], 900*time.Millisecond)
	onTime(t, begin, g.await(t, "later first", 1)[0], 900*time.Millisecond)
	empty(t, q)
	require.Len(t, g.times("earlier first"), 1)
	require.Len(t, g.times("later first"), 1)
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
	var once sync.Once
	g.setFail(func(keys []string) (err error) {
		for _, key := range keys {
			if key == "bad" {
				once.Do(func() { err = &store.KeysError{Keys: []string{"bad"}, Err: errStore} })
			}
		}
		return err
	})
	q := open(t, srv.Client(t), g, redisqueue.Options{})
	keys := []string{"bad"}
	for i := range 100 {
		keys = append(keys, fmt.Sprint("good", i))
	}
	require.NoError(t, q.Schedule(t.Context(), 0, keys...))
	empty(t, q)
	for _, key := range keys {
		require.Len(t, g.times(key), 1, key)
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
	require.NoError(t, q.Schedule(t.Context(), time.Second, "k"))
	require.NoError(t, q.Close(t.Context()))
	require.NoError(t, q.Close(t.Context()))
	require.EqualValues(t, 1, pending(t, q))
	time.Sleep(1200 * time.Millisecond) // it would have been due
	require.Empty(t, first.times("k"))

	open(t, srv.Client(t), second, redisqueue.Options{})
	require.GreaterOrEqual(t, second.await(t, "k", 1)[0].Sub(begin), time.Second)
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
	require.EqualValues(t, len(keys), pending(t, q))
	for _, key := range keys {
		onTime(t, begin, g.await(t, key, 1)[0], 500*time.Millisecond)
	}
	empty(t, q)
}
