package lock_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
)

func TestMaxHoldBoundsAHolderThatDoesNotEnd(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(150*time.Millisecond), lock.MaxHold(400*time.Millisecond))
	start := time.Now()
	k := take(t, l, "k")
	soon(t, k.Context().Done(), "Context")
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	assert.InDelta(t, 400, time.Since(start).Milliseconds(), 300)
	exists(t, server, "lock:{k}", 0)
}

func TestMinHoldKeepsOthersOutAfterUnlock(t *testing.T) {
	server := redistest.Start(t)
	l, other := open(t, server.Client(t)), open(t, server.Client(t))
	start := time.Now()
	k := take(t, l, "k", lock.MinHold(400*time.Millisecond))
	c := behind(t.Context(), l, "k")
	require.NoError(t, k.Unlock())
	_, err := other.TryLock(t.Context(), "k")
	require.ErrorIs(t, err, lock.ErrHeld)
	r := got(t, c)
	require.NoError(t, r.err)
	assert.GreaterOrEqual(t, time.Since(start), 390*time.Millisecond)
	require.NoError(t, r.lock.Unlock())
}

func TestReplicasMustHaveTheLock(t *testing.T) {
	server := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	l := open(t, server.Client(t))
	_, err := l.Lock(t.Context(), "k", lock.Replicas(1, 20*time.Millisecond))
	require.ErrorContains(t, err, "0 of 1 replicas")
	assert.Equal(t, int64(0), server.Do("exists", "lock:{k}"), "it is given back")

	host, port, err := net.SplitHostPort(server.Addr)
	require.NoError(t, err)
	replica := redistest.Start(t, "--replicaof", host+" "+port)
	require.Eventually(t, func() bool {
		k, err := l.Lock(t.Context(), "k", lock.Replicas(1, 500*time.Millisecond))
		if err != nil {
			return false
		}
		defer k.Unlock()
		return replica.Do("exists", "lock:{k}") == int64(1)
	}, patience, 10*time.Millisecond)
}

func TestObserveIsToldOfEverything(t *testing.T) {
	server := redistest.Start(t)
	var mu sync.Mutex
	seen := make(map[lock.Kind]lock.Event)
	l := open(t, server.Client(t), lock.TTL(150*time.Millisecond), lock.Prefix("app:"), lock.Observe(func(e lock.Event) {
		mu.Lock()
		defer mu.Unlock()
		seen[e.Kind] = e
	}))
	k := take(t, l, "k")
	assert.Equal(t, int64(1), server.Do("exists", "app:{k}"))
	_, err := l.TryLock(t.Context(), "k")
	require.ErrorIs(t, err, lock.ErrHeld)
	time.Sleep(120 * time.Millisecond)
	server.Do("del", "app:{k}")
	soon(t, k.Context().Done(), "Context")
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(seen) == 5
	}, patience, time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	assert.ErrorIs(t, seen[lock.Failed].Err, lock.ErrHeld)
	assert.NoError(t, seen[lock.Renewed].Err)
	assert.ErrorIs(t, seen[lock.Unlocked].Err, lock.ErrLost)
	for kind, e := range seen {
		assert.Equal(t, "k", e.Key, kind)
		assert.Positive(t, e.Duration, kind)
	}
}

// A process hands the lock to itself at most sixteen times in a row while another waits.
func TestAProcessDoesNotKeepTheLockToItself(t *testing.T) {
	server := redistest.Start(t)
	busy, other := open(t, server.Client(t)), open(t, server.Client(t))
	k := take(t, busy, "k")
	var mu sync.Mutex
	var order []string
	var all sync.WaitGroup
	enter := func(l *lock.Locker, name string) {
		assert.NoError(t, l.Do(context.Background(), "k", func(context.Context) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, name)
			return nil
		}))
	}
	for range 60 {
		all.Go(func() { enter(busy, "busy") })
	}
	all.Go(func() { enter(other, "other") })
	require.Eventually(t, func() bool { return server.Do("zcard", "lock:{k}:q") == int64(1) }, patience, time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, k.Unlock())
	all.Wait()
	at := slices.Index(order, "other")
	t.Logf("other was number %d of %d", at+1, len(order))
	assert.LessOrEqual(t, at, 18)
}

func TestCallersOfAProcessAreServedInTurn(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t))
	k := take(t, l, "k")
	var all sync.WaitGroup
	var mu sync.Mutex
	var order []int
	for i := range 20 {
		all.Go(func() {
			assert.NoError(t, l.Do(context.Background(), "k", func(context.Context) error {
				mu.Lock()
				defer mu.Unlock()
				order = append(order, i)
				return nil
			}))
		})
		time.Sleep(3 * time.Millisecond)
	}
	before := server.Scripts()
	require.NoError(t, k.Unlock())
	all.Wait()
	assert.Equal(t, 21, server.Scripts()-before, "one request hands it over, and the last lets it go")
	assert.True(t, slices.IsSorted(order), order)
}

func TestAFenceGrowsThoughTheServersClockWentBack(t *testing.T) {
	server := redistest.Start(t)
	l, other := open(t, server.Client(t)), open(t, server.Client(t))
	k := take(t, l, "k")
	here := behind(t.Context(), l, "k")
	time.Sleep(20 * time.Millisecond)
	const future = int64(9000000000000000)
	server.Do("setrange", "lock:{k}", 1, strconv.FormatInt(future, 10)) // taken by a clock that was ahead
	require.NoError(t, k.Unlock())
	r := got(t, here)
	require.NoError(t, r.err)
	assert.Equal(t, future+1, r.lock.Fence(), "handed over in the process")

	there := behind(t.Context(), other, "k")
	require.Eventually(t, func() bool { return server.Do("zcard", "lock:{k}:q") == int64(1) }, patience, time.Millisecond)
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, r.lock.Unlock())
	r = got(t, there)
	require.NoError(t, r.err)
	assert.Equal(t, future+2, r.lock.Fence(), "reserved for another")
	require.NoError(t, r.lock.Unlock())
}

func TestUnlockIsOnlyForWhoHoldsTheLock(t *testing.T) {
	server := redistest.Start(t)
	l := open(t, server.Client(t), lock.TTL(time.Minute))
	k := take(t, l, "k")
	const theirs = "01900000000000000:somebody"
	server.Do("set", "lock:{k}", theirs, "px", 60000)
	require.ErrorIs(t, k.Unlock(), lock.ErrLost)
	assert.Equal(t, theirs, server.Do("get", "lock:{k}"))
}

func TestEveryKeyHasALifetime(t *testing.T) {
	server := redistest.Start(t)
	one, two := open(t, server.Client(t)), open(t, server.Client(t))
	take(t, one, "k", lock.MinHold(time.Minute))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	behind(ctx, two, "k")
	_, err := one.First(t.Context(), "k", time.Minute)
	require.NoError(t, err)
	_, _, err = lock.Once(t.Context(), one, "other", time.Minute, func(context.Context) (int, error) { return 0, nil })
	require.NoError(t, err)
	require.Eventually(t, func() bool { return server.Do("dbsize") == int64(4) }, patience, time.Millisecond)
	keys, _ := server.Do("keys", "*").([]any)
	for _, key := range keys {
		assert.Positive(t, server.Do("pttl", key), fmt.Sprint(key))
	}
}
