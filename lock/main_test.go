package lock_test

import (
	"context"
	"flag"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/lock"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	logging.Disable() // the client's, about servers that are down on purpose
	tortured()        // does not return in a process that is
	flag.Parse()
	os.Exit(m.Run())
}

// open returns a Locker that is closed with the test.
func open(tb testing.TB, rdb redis.UniversalClient, opts ...lock.Option) *lock.Locker {
	tb.Helper()
	l := lock.New(rdb, opts...)
	tb.Cleanup(func() { require.NoError(tb, l.Close()) })
	return l
}

// take takes a lock that is let go of with the test.
func take(tb testing.TB, l *lock.Locker, key string, opts ...lock.Option) *lock.Lock {
	tb.Helper()
	k, err := l.Lock(tb.Context(), key, opts...)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = k.Unlock() })
	return k
}

// soon waits for done.
func soon(tb testing.TB, done <-chan struct{}, what string) {
	tb.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		require.FailNow(tb, what+": got nothing")
	}
}

// result is what a call in the background returned.
type result struct {
	lock *lock.Lock
	err  error
}

// behind calls Lock in the background.
func behind(ctx context.Context, l *lock.Locker, key string, opts ...lock.Option) <-chan result {
	c := make(chan result, 1)
	go func() {
		k, err := l.Lock(ctx, key, opts...)
		c <- result{k, err}
	}()
	return c
}

func got(tb testing.TB, c <-chan result) result {
	tb.Helper()
	select {
	case r := <-c:
		return r
	case <-time.After(patience):
		require.FailNow(tb, "Lock: got nothing")
		return result{}
	}
}

// witness sees whether two are inside at once, and whether fences grow.
type witness struct {
	inside   atomic.Int32
	overlaps atomic.Int32

	mu   sync.Mutex
	last int64
	back int // fences that did not grow
	n    int
}

func (w *witness) enter(fence int64) {
	if w.inside.Add(1) != 1 {
		w.overlaps.Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if fence <= w.last {
		w.back++
	}
	w.last = fence
	w.n++
}

func (w *witness) leave() { w.inside.Add(-1) }

func (w *witness) check(tb testing.TB) {
	tb.Helper()
	require.Zero(tb, w.overlaps.Load(), "two held it at once")
	require.Zero(tb, w.back, "fences that did not grow")
}
