package locktest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/lock"
)

func lockersExcludeOneAnother(t *testing.T, s Service) {
	const lockers, callers, rounds = 3, 4, 8
	var w witness
	var all sync.WaitGroup
	for range lockers {
		l := s.open(t)
		for range callers {
			all.Go(func() {
				for range rounds {
					err := l.Do(context.Background(), "exclusive", func(ctx context.Context) error {
						fence, ok := lock.FenceOf(ctx)
						if !ok {
							return errors.New("no fence")
						}
						w.visit(fence)
						return nil
					})
					assert.NoError(t, err)
				}
			})
		}
	}
	all.Wait()
	w.check(t, lockers*callers*rounds)
}

// A waiter that gives up while the lock is on its way to it must give it back.
func manyGiveUp(t *testing.T, s Service) {
	var w witness
	var all sync.WaitGroup
	end := time.Now().Add(2 * s.TTL)
	for range 3 {
		l := s.open(t)
		for range 3 {
			all.Go(func() {
				for time.Now().Before(end) {
					ctx, cancel := context.WithTimeout(context.Background(), rand.N(s.TTL/2)) //nolint:gosec // chance
					k, err := l.Lock(ctx, "fickle")
					if err == nil {
						w.visit(k.Fence())
						assert.NoError(t, k.Unlock())
					} else {
						assert.ErrorIs(t, err, context.DeadlineExceeded)
					}
					cancel()
				}
			})
		}
	}
	all.Wait()
	w.check(t, 1)
	take(t, s.open(t), "fickle")
}

func keysAreIndependent(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	for _, key := range []string{"a", "a/b", "a:b", "a%2Fb", "ä ö", "A", "a\x00b", ".."} {
		k, err := l.TryLock(t.Context(), key)
		require.NoError(t, err, "%q", key)
		t.Cleanup(func() { _ = k.Unlock() }) // all are held at once
		_, err = other.TryLock(t.Context(), key)
		require.ErrorIs(t, err, lock.ErrHeld, "%q", key)
	}
	_, err := l.TryLock(t.Context(), "")
	require.Error(t, err)
	require.NotErrorIs(t, err, lock.ErrHeld)
}

func tryLockSaysHeldAtOnce(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	k := take(t, l, "try")
	for _, l := range []Locker{l, other} {
		start := time.Now()
		none, err := l.TryLock(t.Context(), "try")
		require.ErrorIs(t, err, lock.ErrHeld)
		require.Nil(t, none)
		require.Less(t, time.Since(start), s.TTL+slack, "it does not wait")
	}
	require.NoError(t, k.Unlock())
	next, err := other.TryLock(t.Context(), "try")
	require.NoError(t, err)
	require.Greater(t, next.Fence(), k.Fence())
	require.NoError(t, next.Unlock())
}

func lockEndsWithItsContext(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	k := take(t, l, "patient")
	for _, l := range []Locker{l, other} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		none, err := l.Lock(ctx, "patient")
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, lock.ErrHeld)
		require.Nil(t, none)
		require.GreaterOrEqual(t, time.Since(start), 50*time.Millisecond)
	}
	require.NoError(t, k.Unlock())
	take(t, other, "patient") // those who gave up are not in the way
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Lock(ctx, "another")
	require.ErrorIs(t, err, context.Canceled)
}

func aWaiterGetsTheLock(t *testing.T, s Service) {
	l, other := s.open(t), s.open(t)
	k := take(t, l, "handed")
	here, there := behind(t.Context(), l, "handed"), behind(t.Context(), other, "handed")
	time.Sleep(200 * time.Millisecond) // they wait
	require.NoError(t, k.Unlock())
	last := k.Fence()
	for range 2 {
		var r result
		select {
		case r = <-here:
		case r = <-there:
		case <-time.After(patience):
			require.FailNow(t, "nobody got it")
		}
		require.NoError(t, r.err)
		require.Greater(t, r.lock.Fence(), last)
		last = r.lock.Fence()
		require.NoError(t, r.lock.Unlock())
	}
}
