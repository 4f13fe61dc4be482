package lock_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
)

func TestALockIsOneKeyWithALeaseAndGoneAfterUnlock(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	k := take(t, l, "k", lock.TTL(5*time.Second))
	left, _ := server.Do("pttl", "lock:{k}").(int64)
	assert.InDelta(t, 5000, left, 1000)
	assert.Equal(t, int64(1), server.Do("dbsize"))
	assert.InDelta(t, time.Now().UnixMicro(), k.Fence(), 60e6)
	require.NoError(t, k.Context().Err())

	require.NoError(t, k.Unlock())
	assert.Equal(t, int64(0), server.Do("dbsize"))
	require.ErrorIs(t, context.Cause(k.Context()), context.Canceled)
	require.NotErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	require.NoError(t, k.Unlock(), "again")
}

func TestTryLockSaysHeldHereAndElsewhere(t *testing.T) {
	server := redistest.Start(t)
	here, elsewhere := open(t, server.Client(t)), open(t, server.Client(t))
	k := take(t, here, "k")
	for _, l := range []*lock.Locker{here, elsewhere} {
		_, err := l.TryLock(t.Context(), "k")
		require.ErrorIs(t, err, lock.ErrHeld)
	}
	require.NoError(t, k.Unlock())
	k, err := elsewhere.TryLock(t.Context(), "k")
	require.NoError(t, err)
	require.NoError(t, k.Unlock())
}

func TestTryLockAsksNobodyWhereTheLockIsHeldInTheProcess(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	take(t, l, "k")
	before := server.Scripts()
	for range 100 {
		_, err := l.TryLock(t.Context(), "k")
		require.ErrorIs(t, err, lock.ErrHeld)
	}
	assert.Equal(t, before, server.Scripts())
}

func TestLockersExcludeOneAnotherAndFencesGrow(t *testing.T) {
	server := redistest.Start(t)
	var w witness
	var all sync.WaitGroup
	for range 4 {
		l := open(t, server.Client(t))
		for range 4 {
			all.Go(func() {
				for range 50 {
					err := l.Do(context.Background(), "k", func(ctx context.Context) error {
						fence, ok := lock.FenceOf(ctx)
						w.enter(fence)
						defer w.leave()
						if !ok {
							return errors.New("no fence")
						}
						return nil
					})
					assert.NoError(t, err)
				}
			})
		}
	}
	all.Wait()
	w.check(t)
	assert.Equal(t, 800, w.n)
	assert.Eventually(t, func() bool { return server.Do("dbsize") == int64(0) }, patience, time.Millisecond)
}

func TestAWaiterElsewhereIsWokenWhenTheLockIsLetGo(t *testing.T) {
	server := redistest.Start(t)
	here, elsewhere := open(t, server.Client(t)), open(t, server.Client(t))
	k := take(t, here, "k")
	c := behind(t.Context(), elsewhere, "k")
	require.Eventually(t, func() bool {
		subs, _ := server.Do("pubsub", "numsub", "lock:{k}").([]any)
		return len(subs) == 2 && subs[1] == int64(1)
	}, patience, time.Millisecond)
	time.Sleep(50 * time.Millisecond) // it looks once more, and sleeps for two seconds
	start := time.Now()
	require.NoError(t, k.Unlock())
	r := got(t, c)
	require.NoError(t, r.err)
	assert.Less(t, time.Since(start), time.Second)
	assert.Greater(t, r.lock.Fence(), k.Fence())
	require.NoError(t, r.lock.Unlock())
}

func TestLockEndsWithItsContextAndLeavesNothingBehind(t *testing.T) {
	server := redistest.Start(t)
	here, elsewhere := open(t, server.Client(t)), open(t, server.Client(t))
	k := take(t, here, "k")
	for _, l := range []*lock.Locker{here, elsewhere} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, err := l.Lock(ctx, "k")
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, lock.ErrHeld)
	}
	require.Eventually(t, func() bool { return server.Do("exists", "lock:{k}:q") == int64(0) }, patience, time.Millisecond)
	require.NoError(t, k.Unlock())
	require.Eventually(t, func() bool { return server.Do("dbsize") == int64(0) }, patience, time.Millisecond)
	_, err := here.Lock(canceled(), "k")
	require.ErrorIs(t, err, context.Canceled)
}

func canceled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func TestALockStandsUntilUnlockWhenItsContextEnds(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	ctx, cancel := context.WithCancel(t.Context())
	k, err := l.Lock(ctx, "k")
	require.NoError(t, err)
	cancel()
	soon(t, k.Context().Done(), "Context")
	assert.Equal(t, int64(1), server.Do("exists", "lock:{k}"))
	require.NoError(t, k.Unlock(), "the context that it was taken with has ended")
	assert.Equal(t, int64(0), server.Do("dbsize"))
}

// Whoever forgets to unlock at least has a context that ends.
func TestALockWhoseContextHasEndedEndsWithItsLease(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(time.Second))
	ctx, cancel := context.WithCancel(t.Context())
	k, err := l.Lock(ctx, "k")
	require.NoError(t, err)
	time.Sleep(450 * time.Millisecond) // it has been renewed
	cancel()
	start := time.Now()
	require.Eventually(t, func() bool { return server.Do("exists", "lock:{k}") == int64(0) }, patience, time.Millisecond)
	assert.Greater(t, time.Since(start), 500*time.Millisecond, "a lease that was renewed")
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
}

func TestCloseEndsWaitingAndLeavesLocksToTheirHolders(t *testing.T) {
	server := redistest.Start(t)
	l := lock.New(server.Client(t))
	k := take(t, l, "k")
	c := behind(t.Context(), l, "k")
	waits := make(chan error, 1)
	go func() { waits <- l.Wait(t.Context(), "k") }()
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, l.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, got(t, c).err, redis.ErrClosed)
	require.ErrorIs(t, <-waits, redis.ErrClosed)
	_, err := l.TryLock(t.Context(), "other")
	require.ErrorIs(t, err, redis.ErrClosed)
	require.ErrorIs(t, l.Wait(t.Context(), "k"), redis.ErrClosed)
	require.NoError(t, k.Context().Err())
	require.NoError(t, k.Unlock())
	assert.Equal(t, int64(0), server.Do("dbsize"))
}

func TestKeysThatWouldNotShareASlotAreRefused(t *testing.T) {
	l := open(t, redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}))
	for _, key := range []string{"", "}x"} {
		_, err := l.Lock(t.Context(), key)
		require.Error(t, err)
		require.Error(t, l.Wait(t.Context(), key))
		_, err = l.First(t.Context(), key, time.Second)
		require.Error(t, err)
		require.Error(t, l.Do(t.Context(), key, nil))
	}
}
