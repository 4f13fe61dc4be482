package redisstore_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

const patience = 10 * time.Second

func watch(tb testing.TB, st store.Store, key string) store.Watch {
	tb.Helper()
	w, err := st.Watch(tb.Context(), key)
	require.NoError(tb, err)
	return w
}

func woken(tb testing.TB, w store.Watch, want store.Wake) {
	tb.Helper()
	select {
	case why := <-w.C():
		require.Equal(tb, want, why)
	case <-time.After(patience):
		require.Fail(tb, "not woken")
	}
}

// subscribers is how many connections are subscribed to key.
func subscribers(server *redistest.Server, key string) int64 {
	reply, _ := server.Do("pubsub", "numsub", key).([]any)
	n, _ := reply[1].(int64)
	return n
}

// lines is how many connections there are.
func lines(server *redistest.Server) int {
	list, _ := server.Do("client", "list").(string)
	return strings.Count(list, "\n")
}

// goroutines is how many serve wake-ups, in the package and in the client.
func goroutines() int {
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	return bytes.Count(stacks, []byte("redisstore.(*hub).run(")) + bytes.Count(stacks, []byte("redis.(*channel).init"))
}

func TestWatchReturnsWhenTheServerHasSubscribed(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	for i := range 20 {
		key := fmt.Sprint("k", i)
		w := watch(t, st, key)
		assert.EqualValues(t, 1, subscribers(server, key))
		w.Close()
	}
}

func TestAWatcherInAnotherProcessIsWokenAtOnce(t *testing.T) {
	server := redistest.Start(t)
	loader, waiter := open(t, server.Client(t)), open(t, server.Client(t))
	for failed, want := range map[bool]store.Wake{false: store.Changed, true: store.Failed} {
		held := lease(t, loader, "k")
		w := watch(t, waiter, "k")
		require.Equal(t, store.Lease, waiter.Lease(t.Context(), store.Ask{Key: "k"})[0].Kind)
		began := time.Now()
		require.NoError(t, loader.Release(t.Context(), failed, held))
		woken(t, w, want)
		assert.Less(t, time.Since(began), 500*time.Millisecond)
		w.Close()
	}
}

func TestALeaseForWhichNobodyWaitsIsNotPublished(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	w := watch(t, st, "k")
	defer w.Close()
	require.True(t, offer(t, st, lease(t, st, "k"), "v"))
	stats, _ := server.Do("info", "commandstats").(string)
	assert.NotContains(t, stats, "cmdstat_publish")
}

func TestWhatTakesALeaseAwayWakesItsWaiters(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	for name, take := range map[string]func(held store.Held) error{
		"Fence": func(store.Held) error { return st.Fence(t.Context(), 1, time.Minute, "k") },
		"Lift":  func(store.Held) error { return st.Lift(t.Context(), 1, 0, "k") },
		"a fill refused after DEL": func(held store.Held) error {
			server.Do("del", "k")
			return st.Fill(t.Context(), store.Fill{Held: held, TTL: time.Minute})[0].Err
		},
	} {
		t.Run(name, func(t *testing.T) {
			held := lease(t, st, "k")
			w := watch(t, st, "k")
			defer w.Close()
			require.Equal(t, store.Lease, st.Lease(t.Context(), store.Ask{Key: "k"})[0].Kind)
			require.NoError(t, take(held))
			woken(t, w, store.Changed)
			require.NoError(t, st.Invalidate(t.Context(), "k"))
		})
	}
}

func TestAFillDoesNotNeedPermissionToPublish(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	held := lease(t, st, "k")
	require.Equal(t, store.Lease, st.Lease(t.Context(), store.Ask{Key: "k"})[0].Kind)
	server.Do("acl", "setuser", "default", "resetchannels", "-publish")
	assert.True(t, offer(t, st, held, "v"))
	assert.False(t, offer(t, st, store.Held{Key: "other", Stamp: held.Stamp}, "v"))
}

func TestWatchesShareOneConnectionThatEndsWithThem(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	get(t, st, "k") // opens the other connection
	before := lines(server)
	require.Eventually(t, func() bool { return goroutines() == 0 }, patience, 20*time.Millisecond, "of other tests")
	var watches []store.Watch
	for i := range 30 {
		watches = append(watches, watch(t, st, fmt.Sprint("k", i%10)))
	}
	assert.Equal(t, before+1, lines(server))
	assert.Positive(t, goroutines())
	assert.EqualValues(t, 1, subscribers(server, "k3"))
	watches[3].Close()
	watches[13].Close()
	time.Sleep(50 * time.Millisecond)
	assert.EqualValues(t, 1, subscribers(server, "k3"), "somebody is left")
	watches[23].Close()
	assert.Eventually(t, func() bool { return subscribers(server, "k3") == 0 }, patience, time.Millisecond)
	for i, w := range watches {
		if i%10 != 3 {
			w.Close()
		}
	}
	assert.Eventually(t, func() bool { return lines(server) == before }, patience, 20*time.Millisecond)
	assert.Eventually(t, func() bool { return goroutines() == 0 }, patience, 20*time.Millisecond)

	w := watch(t, st, "k3")
	assert.EqualValues(t, 1, subscribers(server, "k3"), "after the connection was closed")
	w.Close()
}

func TestCloseEndsTheConnectionAtOnceAndMayBeRepeated(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	before := lines(server)
	require.Eventually(t, func() bool { return goroutines() == 0 }, patience, 20*time.Millisecond, "of other tests")
	w := watch(t, st, "k")
	require.NoError(t, st.Close())
	require.NoError(t, st.Close())
	assert.Eventually(t, func() bool { return lines(server) == before }, time.Second, time.Millisecond)
	assert.Eventually(t, func() bool { return goroutines() == 0 }, time.Second, time.Millisecond)
	w.Close()
	_, err := st.Watch(t.Context(), "k")
	require.ErrorIs(t, err, redis.ErrClosed)
	require.True(t, offer(t, st, lease(t, st, "k"), "v"), "all else goes on")
}

func TestAWatcherIsWokenWhenTheConnectionWasLost(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr)
	st := open(t, redistest.Client(t, proxy.Addr))
	w := watch(t, st, "k")
	defer w.Close()
	proxy.Cut()
	woken(t, w, store.Changed)
	server.Do("publish", "k", "0")
	woken(t, w, store.Failed)
}

func TestAWatchOfAServerThatIsDownIsNotHeldUpAndComesToLife(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	server.Kill()
	began := time.Now()
	w := watch(t, st, "k")
	other := watch(t, st, "other")
	assert.Less(t, time.Since(began), time.Second)
	other.Close()
	server.Restart()
	assert.Eventually(t, func() bool { return subscribers(server, "k") == 1 }, patience, 10*time.Millisecond)
	server.Do("publish", "k", "0")
	woken(t, w, store.Failed)
	w.Close()
}

func TestAWatchIsNotHeldUpByAServerThatStandsStill(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	defer server.Resume()
	server.Pause()
	began := time.Now()
	w := watch(t, st, "k")
	w.Close()
	require.NoError(t, st.Close())
	assert.Less(t, time.Since(began), 3*time.Second)
}

func TestWatchEndsWithItsContext(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	server.Kill()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := st.Watch(ctx, "k")
	require.ErrorIs(t, err, context.Canceled)
}

// Whoever comes must not lose the subscription to somebody who leaves.
func TestWatchersWhoComeAndGoDoNotDisturbOneAnother(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 150 {
				key := fmt.Sprint("k", rand.N(4))
				w, err := st.Watch(t.Context(), key)
				if !assert.NoError(t, err) {
					return
				}
				if rand.N(2) == 0 {
					time.Sleep(rand.N(time.Millisecond))
				}
				w.Close()
			}
		})
	}
	wg.Wait()
	for i := range 4 {
		key := fmt.Sprint("k", i)
		w := watch(t, st, key)
		time.Sleep(20 * time.Millisecond)
		server.Do("publish", key, "0")
		woken(t, w, store.Failed)
		w.Close()
	}
}
