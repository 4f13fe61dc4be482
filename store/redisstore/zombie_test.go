package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/redisstore"
)

// opaque hides what kind of client it is: the store leaves time-outs and repetitions to it.
type opaque struct{ redis.UniversalClient }

// delayed returns a store whose requests can be held up in the network, and gives them up soon. Its client believes
// in a cluster of one and has default options otherwise: what gets no answer is sent again.
func delayed(t *testing.T, server *redistest.Server) (*redisstore.Store, *redistest.Proxy) {
	t.Helper()
	proxy := redistest.NewProxy(t, server.Addr)
	client := redis.NewClusterClient(&redis.ClusterOptions{
		ReadTimeout: 200 * time.Millisecond,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			return []redis.ClusterSlot{{End: 16383, Nodes: []redis.ClusterNode{{Addr: proxy.Addr}}}}, nil
		},
	})
	t.Cleanup(func() { _ = client.Close() })
	st := open(t, opaque{client})
	value(t, st, "warm", "v") // connects, and makes the server know the scripts
	require.Equal(t, 1, proxy.Lines())
	return st, proxy
}

// A request for a lease is held up in the network. The client library gives it up and sends it again: granted. The
// source is read, then written, and the key deleted. Now the first copy arrives and is granted, to nobody and with
// the same nonce. What was read before the write must not get in by it.
func TestALeaseRequestThatArrivesAfterADeleteAdmitsNoFill(t *testing.T) {
	server := redistest.Start(t)
	st, proxy := delayed(t, server)

	proxy.Hold()
	held := lease(t, st, "k")
	require.Equal(t, 2, proxy.Lines(), "the request was not repeated")
	server.Do("del", "k")
	proxy.Release()
	require.Eventually(t, func() bool { return proxy.Lines() == 1 }, 10*time.Second, time.Millisecond)

	raw, _ := server.Do("get", "k").(string)
	require.Len(t, raw, record.LeaseSize, "the first copy of the request was not granted")
	risen := record.Stamp([]byte(raw[4:]))
	require.Equal(t, held.Stamp.Nonce, risen.Nonce)
	require.NotEqual(t, held.Stamp.Granted, risen.Granted)

	assert.False(t, offer(t, st, held, "old"), "a fill was accepted by a lease that was deleted")
	assert.Equal(t, store.Lease, get(t, st, "k").Kind)
	require.NoError(t, st.Release(t.Context(), false, held))
	assert.Equal(t, store.Lease, get(t, st, "k").Kind)
}

func TestAFillThatArrivesAfterADeleteStoresNothing(t *testing.T) {
	server := redistest.Start(t)
	st, proxy := delayed(t, server)

	held := lease(t, st, "k")
	proxy.Hold()
	require.True(t, offer(t, st, held, "old"), "the second copy of the request")
	server.Do("del", "k")
	next := lease(t, open(t, server.Client(t)), "k")
	proxy.Release()
	require.Eventually(t, func() bool { return proxy.Lines() == 1 }, 10*time.Second, time.Millisecond)

	assert.Equal(t, store.Lease, get(t, st, "k").Kind)
	assert.True(t, offer(t, st, next, "new"))
	assert.Equal(t, "new", string(get(t, st, "k").Payload))
}

// The reply is lost, the client library asks again, and must not find its own lease in its way.
func TestARepeatedRequestIsGrantedTheSameLease(t *testing.T) {
	server := redistest.Start(t)
	st, proxy := delayed(t, server)
	stale := value(t, st, "stale", "v")
	require.NoError(t, st.Lift(t.Context(), 1, time.Minute, "probation"))
	for key, a := range map[string]store.Ask{
		"missing":   {},
		"stale":     {Mode: store.Refresh, Over: stale.Stamp, Hold: time.Minute},
		"probation": {},
	} {
		a.Key = key
		before := server.Do("get", key)
		proxy.Mute(true)
		granted := make(chan store.Grant, 1)
		go func() { granted <- st.Lease(t.Context(), a)[0] }()
		require.Eventually(t, func() bool { return server.Do("get", key) != before }, time.Second, time.Millisecond)
		executed, _ := server.Do("get", key).(string)
		proxy.Mute(false)
		g := <-granted
		require.True(t, g.Granted(), "%s: got %+v", key, g)
		assert.Equal(t, record.Stamp([]byte(executed[4:])), g.Stamp, key)
		assert.Equal(t, key == "probation", g.OnProbation)
		assert.Positive(t, g.Lease)
		assert.True(t, offer(t, st, store.Held{Key: key, Stamp: g.Stamp}, "v"), key)
	}
}

func TestADeleteWhileLoadingRefusesTheFill(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	held := lease(t, st, "missing")
	claim := ask(t, st, store.Ask{Key: value(t, st, "stale", "v").Key, Mode: store.Refresh, Hold: time.Minute})
	server.Do("del", "missing", "stale") // by redis-cli, another service, anybody
	assert.False(t, offer(t, st, held, "old"))
	assert.False(t, offer(t, st, claim, "old"))
	assert.Equal(t, store.Missing, get(t, st, "missing").Kind)
	assert.Equal(t, store.Missing, get(t, st, "stale").Kind)
}

func TestAFlushedOrRestartedServerRefusesTheFill(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	held := lease(t, st, "k")
	server.Do("flushall")
	assert.False(t, offer(t, st, held, "old"))
	held = lease(t, st, "k")
	server.Restart()
	assert.False(t, offer(t, st, held, "old"))
}
