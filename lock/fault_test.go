package lock_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
)

// through returns a Locker behind a proxy, whose client gives up early and, with retries of 0, does not repeat.
func through(t *testing.T, server *redistest.Server, retries int, opts ...lock.Option) (*lock.Locker, *redistest.Proxy) {
	t.Helper()
	proxy := redistest.NewProxy(t, server.Addr)
	client := redistest.Client(t, proxy.Addr, func(o *redis.Options) {
		o.MaxRetries = retries
		if retries == 0 {
			o.ReadTimeout, o.MaxRetries = 200*time.Millisecond, -1
		}
	})
	l := open(t, client, opts...)
	warm(t, l)
	return l, proxy
}

// warm makes the server know the scripts, or the reply that gets lost would be that it does not.
func warm(t *testing.T, l *lock.Locker) {
	t.Helper()
	k := take(t, l, "warm")
	c := behind(t.Context(), l, "warm")
	time.Sleep(10 * time.Millisecond)
	require.NoError(t, k.Unlock())
	require.NoError(t, got(t, c).lock.Unlock())
	_, err := l.First(t.Context(), "warm", time.Millisecond)
	require.NoError(t, err)
}

func exists(t *testing.T, server *redistest.Server, key string, want int) {
	t.Helper()
	require.Eventually(t, func() bool { return server.Do("exists", key) == int64(want) }, patience, time.Millisecond)
}

func TestAPausedServerDelaysALockAndDoesNotHangIt(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	require.NoError(t, take(t, l, "k").Unlock())
	server.Pause()
	c := behind(t.Context(), l, "k")
	time.Sleep(60 * time.Millisecond)
	server.Resume()
	r := got(t, c)
	require.NoError(t, r.err)
	require.NoError(t, r.lock.Unlock())
}

func TestACallersContextEndsThoughRedisDoesNotAnswer(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	require.NoError(t, take(t, l, "k").Unlock())
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := l.Lock(ctx, "k")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(start), 2*time.Second, "the client gives up after three")
	server.Resume()
	exists(t, server, "lock:{k}", 0)
}

func TestAHolderIsToldWhenItsKeyIsGone(t *testing.T) {
	const ttl = 2 * time.Second
	server := redistest.Start(t)
	for _, command := range [][]any{{"del", "lock:{k}"}, {"flushall"}, {"set", "lock:{k}", "01900000000000000:other", "px", 60000}} {
		l := open(t, server.Client(t), lock.TTL(ttl))
		k := take(t, l, "k")
		start := time.Now()
		server.Do(command...)
		soon(t, k.Context().Done(), "Context")
		assert.Less(t, time.Since(start), ttl*3/4, "at the renewal, and not at the end of the lease")
		require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
		require.ErrorIs(t, k.Unlock(), lock.ErrLost)
		if command[0] == "set" {
			assert.Greater(t, server.Do("pttl", "lock:{k}"), int64(30000), "the lock of another was not renewed as ours")
		}
		server.Do("del", "lock:{k}")
	}
}

func TestAHolderIsToldAtTheEndOfItsLeaseThoughRedisDoesNotAnswer(t *testing.T) {
	const ttl = 400 * time.Millisecond
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(ttl)) // the client waits for three seconds, four times
	start := time.Now()
	k := take(t, l, "k")
	server.Pause()
	defer server.Resume()
	soon(t, k.Context().Done(), "Context")
	took := time.Since(start)
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	assert.GreaterOrEqual(t, took, ttl)
	assert.Less(t, took, ttl+2*time.Second)
	server.Resume()
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
}

func TestALockOutlivesAnOutageShorterThanItsLease(t *testing.T) {
	server := redistest.Start(t)
	l, proxy := through(t, server, 0, lock.TTL(1500*time.Millisecond))
	k := take(t, l, "k")
	proxy.Blackhole(true)
	time.Sleep(900 * time.Millisecond) // renewals from 500 ms on fail
	proxy.Blackhole(false)
	proxy.Cut()
	time.Sleep(900 * time.Millisecond)
	require.NoError(t, k.Context().Err())
	require.NoError(t, k.Unlock())
}

func TestALockIsRenewedAndNotAfterUnlock(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(600*time.Millisecond))
	k := take(t, l, "k")
	time.Sleep(1500 * time.Millisecond)
	require.NoError(t, k.Context().Err())
	assert.Equal(t, int64(1), server.Do("exists", "lock:{k}"))
	require.NoError(t, k.Unlock())
	before := server.Scripts()
	time.Sleep(500 * time.Millisecond)
	assert.Equal(t, before, server.Scripts())
}

func TestARenewalUnderWayDoesNotOutliveUnlock(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(600*time.Millisecond))
	warm(t, l)
	k := take(t, l, "k")
	server.Pause()
	time.Sleep(250 * time.Millisecond) // the renewal is on its way
	done := make(chan error, 1)
	go func() { done <- k.Unlock() }()
	time.Sleep(20 * time.Millisecond)
	server.Resume()
	require.NoError(t, <-done)
	exists(t, server, "lock:{k}", 0)
	time.Sleep(50 * time.Millisecond)
	before := server.Scripts()
	time.Sleep(300 * time.Millisecond)
	assert.Equal(t, before, server.Scripts())
}

func TestOthersGetTheLockWhenItsHolderIsDead(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	server.Do("set", "lock:{k}", "01000000000000000:0123456789abcdead", "px", 300)
	start := time.Now()
	k := take(t, l, "k")
	took := time.Since(start)
	t.Logf("took over %v after the lease", took-300*time.Millisecond)
	assert.Less(t, took, 2*time.Second)
	assert.Greater(t, k.Fence(), int64(1e15))
}

func TestOthersInTheProcessGetTheLockThatAHolderLostAndDoesNotUnlock(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(150*time.Millisecond))
	k := take(t, l, "k")
	c := behind(t.Context(), l, "k")
	server.Do("del", "lock:{k}")
	r := got(t, c)
	require.NoError(t, r.err)
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
	require.NoError(t, r.lock.Context().Err(), "the late Unlock is not for this one")
	require.NoError(t, r.lock.Unlock())
}

func TestDeadProcessesInTheQueueCostTensOfMilliseconds(t *testing.T) {
	server := redistest.Start(t)
	for _, dead := range []int{1, 10} {
		here, there := open(t, server.Client(t)), open(t, server.Client(t))
		k := take(t, here, "k")
		for i := range dead {
			server.Do("zadd", "lock:{k}:q", i, fmt.Sprintf("%013x", i))
		}
		c := behind(t.Context(), there, "k")
		require.Eventually(t, func() bool { return server.Do("zcard", "lock:{k}:q") == int64(dead+1) }, patience, time.Millisecond)
		time.Sleep(50 * time.Millisecond) // until it listens
		start := time.Now()
		require.NoError(t, k.Unlock())
		r := got(t, c)
		require.NoError(t, r.err)
		took := time.Since(start)
		t.Logf("%d dead: %v", dead, took)
		assert.Less(t, took, 1500*time.Millisecond, "no message, and it would have looked after two seconds")
		require.NoError(t, r.lock.Unlock())
		server.Do("del", "lock:{k}:q", "lock:{k}")
	}
}

func TestWaitersLookAgainWhenTheirConnectionWasCut(t *testing.T) {
	server := redistest.Start(t)
	holder := open(t, server.Client(t))
	l, proxy := through(t, server, 3)
	k := take(t, holder, "k")
	c := behind(t.Context(), l, "k")
	require.Eventually(t, func() bool { return server.Do("exists", "lock:{k}:q") == int64(1) }, patience, time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	proxy.Blackhole(true) // the message is lost
	require.NoError(t, k.Unlock())
	proxy.Blackhole(false)
	proxy.Cut()
	r := got(t, c)
	require.NoError(t, r.err)
	assert.Less(t, time.Since(start), time.Second, "without that it would have slept for two")
	require.NoError(t, r.lock.Unlock())
}

func TestWithoutRedisALockIsAnErrorOfTheClient(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t, func(o *redis.Options) { o.MaxRetries, o.DialTimeout, o.DialerRetries = -1, 50*time.Millisecond, 1 }))
	server.Stop()
	for _, f := range []func(context.Context, string, ...lock.Option) (*lock.Lock, error){l.Lock, l.TryLock} {
		k, err := f(t.Context(), "k")
		require.Error(t, err)
		assert.Nil(t, k)
		assert.NotErrorIs(t, err, lock.ErrHeld)
		assert.NotErrorIs(t, err, lock.ErrLost)
	}
	require.Error(t, l.Wait(t.Context(), "k"))
	_, err := l.First(t.Context(), "k", time.Second)
	require.Error(t, err)
}

// A waiter that gives up while the lock is on its way to it must give it back.
func TestNothingIsLostOrHeldTwiceWhenManyGiveUp(t *testing.T) {
	server := redistest.Start(t)
	var w witness
	var all sync.WaitGroup
	end := time.Now().Add(time.Second)
	for range 6 {
		l := open(t, server.Client(t))
		for range 8 {
			all.Go(func() {
				for time.Now().Before(end) {
					ctx, cancel := context.WithTimeout(context.Background(), rand.N(30*time.Millisecond))
					k, err := l.Lock(ctx, "k")
					if err == nil {
						w.enter(k.Fence())
						w.leave()
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
	w.check(t)
	assert.Greater(t, w.n, 100)
	l := open(t, server.Client(t))
	start := time.Now()
	require.NoError(t, take(t, l, "k").Unlock())
	assert.Less(t, time.Since(start), time.Second)
	require.Eventually(t, func() bool { return server.Do("dbsize") == int64(0) }, patience, 10*time.Millisecond)
}

// A counter in the key would begin anew, and the resource could not tell the next holder from the one before.
func TestAFenceGrowsThoughAFailoverLostTheLock(t *testing.T) {
	sentinel := redistest.StartSentinel(t)
	k := take(t, open(t, sentinel.Client(t), lock.TTL(2*time.Second)), "k")
	sentinel.Master.Kill()
	sentinel.Promoted().Do("del", "lock:{k}") // if it was replicated at all
	next := take(t, open(t, sentinel.Client(t)), "k")
	assert.Greater(t, next.Fence(), k.Fence())
	soon(t, k.Context().Done(), "Context")
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
	require.NoError(t, next.Context().Err(), "the late Unlock was not for this one")
}

func TestLocksWorkOnACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	var all sync.WaitGroup
	witnesses := make([]witness, 4)
	for range 4 {
		l := open(t, cluster.Client(t))
		for range 4 {
			all.Go(func() {
				for i := range 80 {
					key := i % len(witnesses)
					k, err := l.Lock(context.Background(), fmt.Sprint("key-", key))
					if !assert.NoError(t, err) {
						return
					}
					witnesses[key].enter(k.Fence())
					witnesses[key].leave()
					assert.NoError(t, k.Unlock())
				}
			})
		}
	}
	all.Wait()
	for i := range witnesses {
		witnesses[i].check(t)
	}
	sharded := 0
	for _, s := range cluster.Servers {
		channels, _ := s.Do("pubsub", "shardchannels").([]any)
		sharded += len(channels)
		channels, _ = s.Do("pubsub", "channels").([]any)
		assert.Empty(t, channels)
	}
	assert.Positive(t, sharded)
}

// A failover or an operator may lose the key, and with it the last fence. A counter would begin anew.
func TestAFenceGrowsThoughTheKeyWasLost(t *testing.T) {
	server := redistest.Start(t)
	l, other := open(t, server.Client(t)), open(t, server.Client(t))
	k := take(t, l, "k")
	server.Do("flushall")
	next := take(t, other, "k")
	assert.Greater(t, next.Fence(), k.Fence())
	require.NoError(t, next.Unlock())
}

func TestLocksOfOtherKeysAreFree(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	take(t, l, "stock:17:3")
	k, err := l.TryLock(t.Context(), "stock:17:4")
	require.NoError(t, err)
	require.NoError(t, k.Unlock())
}
