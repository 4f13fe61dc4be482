package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
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

func TestStoreKeepsTheContractOnACluster(t *testing.T) {
	st := open(t, redistest.StartCluster(t, 3).Client(t))
	storetest.Run(t, func(*testing.T) store.Store { return st })
}

func TestStoreKeepsTheContractByRESP2(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t, func(o *redis.Options) { o.Protocol = 2 }))
	storetest.Run(t, func(*testing.T) store.Store { return st })
}

func TestLeaseTimeIsAnOption(t *testing.T) {
	client := redistest.Start(t).Client(t)
	for option, want := range map[time.Duration]time.Duration{
		0: time.Second, -1: time.Second, 1: time.Millisecond, time.Minute: time.Minute,
	} {
		st := redisstore.New(client, redisstore.Options{Lease: option})
		g := st.Lease(t.Context(), store.Ask{Key: "k:" + want.String() + option.String()})[0]
		require.True(t, g.Granted(), "Lease: got %+v", g)
		require.Equal(t, want, g.Lease)
		require.NoError(t, st.Close())
	}
}

// open returns a store that is closed with the test.
func open(t testing.TB, client redis.UniversalClient) *redisstore.Store {
	t.Helper()
	st := redisstore.New(client, redisstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func lease(t testing.TB, st store.Store, key string) store.Held {
	t.Helper()
	return ask(t, st, store.Ask{Key: key})
}

// ask asks for a lease and must get it.
func ask(t testing.TB, st store.Store, a store.Ask) store.Held {
	t.Helper()
	g := st.Lease(t.Context(), a)[0]
	require.True(t, g.Granted(), "Lease(%+v): got %+v", a, g)
	return store.Held{Key: a.Key, Stamp: g.Stamp}
}

// offer fills and reports whether that was accepted.
func offer(t testing.TB, st store.Store, held store.Held, payload string) bool {
	t.Helper()
	v := st.Fill(t.Context(), store.Fill{Held: held, Codec: "raw", Payload: []byte(payload), TTL: time.Minute})[0]
	require.NoError(t, v.Err)
	return v.Accepted
}

// value stores payload and returns the lease by which that was done.
func value(t testing.TB, st store.Store, key, payload string) store.Held {
	t.Helper()
	held := lease(t, st, key)
	require.True(t, offer(t, st, held, payload), "Fill(%q): refused", key)
	return held
}

func get(t testing.TB, st store.Store, key string) store.Record {
	t.Helper()
	rec, err := st.Get(t.Context(), key)
	require.NoError(t, err)
	return rec
}
