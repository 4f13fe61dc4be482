package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/redisstore"
	"github.com/cachet-go/cachet/store/storetest"
)

func TestStoreKeepsTheContract(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	storetest.Run(t, func(*testing.T) store.Store { return st })
	everythingEnds(t, server)
}

func TestOnACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	st := open(t, cluster.Client(t))
	t.Run("StoreKeepsTheContract", func(t *testing.T) {
		storetest.Run(t, func(*testing.T) store.Store { return st })
	})
	t.Run("ABatchGoesToAllMasters", func(t *testing.T) {
		for _, server := range cluster.Servers {
			server.Do("script", "flush")
			batch(t, st, names(100))
		}
		for _, server := range cluster.Servers {
			assert.Contains(t, server.Do("info", "commandstats"), "cmdstat_evalsha")
		}
	})
}

func TestStoreKeepsTheContractByRESP2(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t, func(o *redis.Options) { o.Protocol = 2 }))
	storetest.Run(t, func(*testing.T) store.Store { return st })
}

func TestLeaseTimeIsAnOption(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for _, c := range []struct{ option, want time.Duration }{
		{0, time.Second}, {-1, time.Second}, {1, time.Millisecond}, {time.Minute, time.Minute},
	} {
		st := redisstore.New(client, redisstore.Options{Lease: c.option})
		g := st.Lease(t.Context(), store.Ask{Key: c.option.String()})[0]
		require.True(t, g.Granted(), "Lease: got %+v", g)
		require.Equal(t, c.want, g.Lease)
		require.NoError(t, st.Close())
	}
}

// open returns a store that is closed with the test.
func open(tb testing.TB, client redis.UniversalClient) *redisstore.Store {
	tb.Helper()
	st := redisstore.New(client, redisstore.Options{})
	tb.Cleanup(func() { _ = st.Close() })
	return st
}

func lease(tb testing.TB, st store.Store, key string) store.Held {
	tb.Helper()
	return ask(tb, st, store.Ask{Key: key})
}

// ask asks for a lease and must get it.
func ask(tb testing.TB, st store.Store, a store.Ask) store.Held {
	tb.Helper()
	g := st.Lease(tb.Context(), a)[0]
	require.True(tb, g.Granted(), "Lease(%+v): got %+v", a, g)
	return store.Held{Key: a.Key, Stamp: g.Stamp}
}

// offer fills and reports whether that was accepted.
func offer(tb testing.TB, st store.Store, held store.Held, payload string) bool {
	tb.Helper()
	v := st.Fill(tb.Context(), store.Fill{Held: held, Codec: "raw", Payload: []byte(payload), TTL: time.Minute})[0]
	require.NoError(tb, v.Err)
	return v.Accepted
}

// value stores payload and returns the lease by which that was done.
func value(tb testing.TB, st store.Store, key, payload string) store.Held {
	tb.Helper()
	held := lease(tb, st, key)
	require.True(tb, offer(tb, st, held, payload), "Fill(%q): refused", key)
	return held
}

func get(tb testing.TB, st store.Store, key string) store.Record {
	tb.Helper()
	rec, err := st.Get(tb.Context(), key)
	require.NoError(tb, err)
	return rec
}
