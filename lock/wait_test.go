package lock_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
)

func TestWaitReturnsAtOnceWhereTheLockIsFree(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	require.NoError(t, l.Wait(t.Context(), "k"))
	assert.Equal(t, int64(0), server.Do("dbsize"), "it takes nothing")
}

func TestOneMessageEndsAHundredWaits(t *testing.T) {
	server := redistest.Start(t)
	holder := open(t, server.Client(t))
	k := take(t, holder, "k")
	var all sync.WaitGroup
	var early atomic.Int32
	free := make(chan struct{})
	for range 10 {
		l := open(t, server.Client(t))
		for range 10 {
			all.Go(func() {
				assert.NoError(t, l.Wait(context.Background(), "k"))
				select {
				case <-free:
				default:
					early.Add(1)
				}
			})
		}
	}
	time.Sleep(200 * time.Millisecond)
	before := server.Scripts()
	time.Sleep(500 * time.Millisecond)
	assert.LessOrEqual(t, server.Scripts()-before, 5, "requests in half a second")
	before = server.Scripts()
	close(free)
	start := time.Now()
	require.NoError(t, k.Unlock())
	all.Wait()
	assert.Less(t, time.Since(start), time.Second)
	assert.Zero(t, early.Load())
	assert.LessOrEqual(t, server.Scripts()-before, 3, "the release, and no look by those who were told")
}

func TestWaitEndsWithTheHolderThoughAnotherFollows(t *testing.T) {
	server := redistest.Start(t)
	l, other := open(t, server.Client(t)), open(t, server.Client(t))
	k := take(t, l, "k")
	next := behind(t.Context(), l, "k") // in the same process: Redis never sees the lock free
	done := make(chan struct{})
	go func() {
		defer close(done)
		assert.NoError(t, other.Wait(context.Background(), "k"))
	}()
	require.Eventually(t, func() bool { return server.Do("getrange", "lock:{k}", 0, 0) == "2" }, patience, time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	require.NoError(t, k.Unlock())
	r := got(t, next)
	require.NoError(t, r.err)
	soon(t, done, "Wait")
	assert.Less(t, time.Since(start), time.Second)
	require.NoError(t, r.lock.Unlock())
}

func TestWaitEndsWithItsContextAndWithTheLease(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	server.Do("set", "lock:{k}", "01000000000000000:0123456789abcdead", "px", 300)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, l.Wait(ctx, "k"), context.DeadlineExceeded)
	require.NoError(t, l.Wait(t.Context(), "k"))
	assert.Equal(t, int64(0), server.Do("exists", "lock:{k}"))
}

func TestFirstIsTrueOncePerWindow(t *testing.T) {
	server := redistest.Start(t)
	l, other := open(t, server.Client(t)), open(t, server.Client(t))
	first, err := l.First(t.Context(), "k", 200*time.Millisecond)
	require.NoError(t, err)
	assert.True(t, first)
	for _, l := range []*lock.Locker{l, other} {
		first, err = l.First(t.Context(), "k", 200*time.Millisecond)
		require.NoError(t, err)
		assert.False(t, first)
	}
	time.Sleep(250 * time.Millisecond)
	first, err = other.First(t.Context(), "k", time.Minute)
	require.NoError(t, err)
	assert.True(t, first)
	_, err = l.First(t.Context(), "k", 0)
	require.Error(t, err)
}

func TestALostReplyToFirstIsNoDuplicate(t *testing.T) {
	server := redistest.Start(t)
	l, proxy := through(t, server, 3)
	proxy.Mute(true)
	c := make(chan bool, 1)
	go func() {
		first, err := l.First(context.Background(), "k", time.Minute)
		c <- first && assert.NoError(t, err)
	}()
	exists(t, server, "lock:{k}:first", 1)
	proxy.Mute(false)
	proxy.Cut()
	assert.True(t, <-c)
}

type order struct{ ID, Total int }

func TestOnceRunsOnceAndReplays(t *testing.T) {
	server := redistest.Start(t)
	var runs, replays atomic.Int32
	var all sync.WaitGroup
	for range 4 {
		l := open(t, server.Client(t))
		for range 8 {
			all.Go(func() {
				v, replayed, err := lock.Once(context.Background(), l, "k", time.Minute, func(context.Context) (order, error) {
					time.Sleep(20 * time.Millisecond)
					return order{ID: int(runs.Add(1)), Total: 7}, nil
				})
				assert.NoError(t, err)
				assert.Equal(t, order{ID: 1, Total: 7}, v)
				if replayed {
					replays.Add(1)
				}
			})
		}
	}
	all.Wait()
	assert.Equal(t, int32(1), runs.Load())
	assert.Equal(t, int32(31), replays.Load())
	left, _ := server.Do("pttl", "lock:{k}:once").(int64)
	assert.Positive(t, left)
}

func TestOnceDoesNotKeepAnError(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	boom := errors.New("boom")
	_, _, err := lock.Once(t.Context(), l, "k", time.Minute, func(context.Context) (int, error) { return 0, boom })
	require.ErrorIs(t, err, boom)
	v, replayed, err := lock.Once(t.Context(), l, "k", time.Minute, func(context.Context) (int, error) { return 3, nil })
	require.NoError(t, err)
	assert.False(t, replayed)
	assert.Equal(t, 3, v)
	_, _, err = lock.Once(t.Context(), l, "k", 0, func(context.Context) (int, error) { return 3, nil })
	require.Error(t, err)
}

func TestOnceRefusesAnotherPayloadUnderTheSameKey(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	once := func(body string) (int, bool, error) {
		return lock.Once(t.Context(), l, "k", time.Minute, func(context.Context) (int, error) { return len(body), nil },
			lock.Fingerprint([]byte(body)))
	}
	_, _, err := once("one")
	require.NoError(t, err)
	v, replayed, err := once("one")
	require.NoError(t, err)
	assert.True(t, replayed)
	assert.Equal(t, 3, v)
	_, _, err = once("another")
	require.ErrorIs(t, err, lock.ErrMismatch)
}

func TestOnceSaysWhenItsResultCouldNotBeRecorded(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	v, replayed, err := lock.Once(t.Context(), l, "k", time.Minute, func(context.Context) (int, error) {
		server.Do("set", "lock:{k}", "01900000000000000:other", "px", 60000)
		return 3, nil
	})
	require.ErrorIs(t, err, lock.ErrLost)
	assert.False(t, replayed)
	assert.Equal(t, 3, v)
	assert.Equal(t, int64(0), server.Do("exists", "lock:{k}:once"))
}
