package redisstore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

func TestAServerThatForgotTheScriptsIsToldThem(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	ctx := t.Context()
	forget := func() { server.Do("script", "flush") }
	keys := make([]string, 20)
	asks, fills, held := make([]store.Ask, len(keys)), make([]store.Fill, len(keys)), make([]store.Held, len(keys))
	for i := range keys {
		keys[i] = fmt.Sprint("k", i)
		asks[i].Key = keys[i]
	}
	forget()
	for i, g := range st.Lease(ctx, asks...) {
		require.True(t, g.Granted(), "Lease: got %+v", g)
		held[i] = store.Held{Key: keys[i], Stamp: g.Stamp}
		fills[i] = store.Fill{Held: held[i], Payload: []byte(keys[i]), TTL: time.Minute}
	}
	forget()
	require.NoError(t, st.Renew(ctx, held...))
	forget()
	for _, v := range st.Fill(ctx, fills...) {
		assert.Equal(t, store.Verdict{Accepted: true}, v)
	}
	forget()
	require.NoError(t, st.Release(ctx, false, held...))
	forget()
	require.NoError(t, st.Fence(ctx, 1, time.Minute, keys...))
	forget()
	require.NoError(t, st.Lift(ctx, 1, time.Minute, keys...))
	recs, err := st.GetMany(ctx, keys)
	require.NoError(t, err)
	for _, rec := range recs {
		assert.Equal(t, store.Probation, rec.Kind)
	}
	lease(t, st, keys[0])
	forget()
	assert.Equal(t, store.Lease, get(t, st, keys[0]).Kind)
}

func TestEveryRecordEnds(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	ctx := t.Context()
	lease(t, st, "lease")
	st.Lease(ctx, store.Ask{Key: "lease"})
	value(t, st, "value", "v")
	value(t, st, "claim", "v")
	ask(t, st, store.Ask{Key: "claim", Mode: store.Refresh, Hold: time.Hour})
	value(t, st, "failed", "v")
	require.NoError(t, st.Release(ctx, true, ask(t, st, store.Ask{Key: "failed", Mode: store.Refresh, Hold: time.Hour})))
	require.NoError(t, st.Renew(ctx, lease(t, st, "renewed")))
	require.NoError(t, st.Fence(ctx, 1, time.Minute, "fence"))
	require.NoError(t, st.Fence(ctx, 2, time.Second, "fence"))
	require.NoError(t, st.Lift(ctx, 1, 0, "fence"))
	for _, key := range []string{
		"probation", "lease on probation", "renewed on probation", "value on probation", "fence over probation",
	} {
		require.NoError(t, st.Lift(ctx, 1, time.Minute, key))
	}
	lease(t, st, "lease on probation")
	require.NoError(t, st.Renew(ctx, lease(t, st, "renewed on probation")))
	value(t, st, "value on probation", "v")
	require.NoError(t, st.Fence(ctx, 1, time.Second, "fence over probation"))
	keys, _ := server.Do("keys", "*").([]any)
	require.Len(t, keys, 11)
	everythingEnds(t, server)
}

func everythingEnds(t *testing.T, server *redistest.Server) {
	t.Helper()
	keys, _ := server.Do("keys", "*").([]any)
	for _, key := range keys {
		ttl := server.Do("pttl", key)
		assert.NotEqual(t, int64(-1), ttl, "PTTL %v", key)
	}
}
