package redisstore_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

func TestLiftDeletesWhereTheServerIsOutOfMemory(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	value(t, st, "value", "old")
	require.NoError(t, st.Fence(t.Context(), 1, time.Minute, "fence"))
	require.NoError(t, st.Fence(t.Context(), 2, time.Minute, "fence"))
	server.Do("config", "set", "maxmemory", 1, "maxmemory-policy", "noeviction")

	require.NoError(t, st.Lift(t.Context(), 0, time.Minute, "value", "fence", "missing"))
	for _, key := range []string{"value", "fence", "missing"} {
		assert.Equal(t, store.Missing, get(t, st, key).Kind, key)
	}
}

func TestLiftDeletesWhereScriptsAreForbidden(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	value(t, st, "k", "old")
	server.Do("acl", "setuser", "default", "-@scripting")
	require.NoError(t, st.Lift(t.Context(), 1, time.Minute, "k"))
	assert.Equal(t, store.Missing, get(t, st, "k").Kind)
}

func TestWhatCannotBeDoneWithoutMemoryIsAnError(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	value(t, st, "value", "old")
	held := lease(t, st, "lease")
	server.Do("config", "set", "maxmemory", 1, "maxmemory-policy", "noeviction")

	require.ErrorContains(t, st.Lease(t.Context(), store.Ask{Key: "k"})[0].Err, "OOM")
	require.ErrorContains(t, st.Fence(t.Context(), 1, time.Minute, "value"), "OOM")
	assert.Equal(t, store.Lease, st.Lease(t.Context(), store.Ask{Key: "lease"})[0].Kind, "leaving word needs memory")
	v := st.Fill(t.Context(), store.Fill{Held: held, Payload: []byte("v"), TTL: time.Minute})[0]
	require.ErrorContains(t, v.Err, "OOM")
	assert.False(t, v.Accepted)
	assert.Equal(t, store.Missing, get(t, st, "lease").Kind, "a lease that cannot be filled is given back")
	assert.Equal(t, "old", string(get(t, st, "value").Payload))
	require.NoError(t, st.Invalidate(t.Context(), "value"))
	assert.Equal(t, store.Missing, get(t, st, "value").Kind)
}

func TestAProbationOutlivesAFillThatFoundNoMemory(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	require.NoError(t, st.Lift(t.Context(), 1, time.Minute, "k"))
	held := lease(t, st, "k")
	server.Do("config", "set", "maxmemory", 1, "maxmemory-policy", "noeviction")
	v := st.Fill(t.Context(), store.Fill{Held: held, Payload: []byte("v"), TTL: time.Hour})[0]
	require.ErrorContains(t, v.Err, "OOM")
	server.Do("config", "set", "maxmemory", 0)
	require.Eventually(t, func() bool {
		g := st.Lease(t.Context(), store.Ask{Key: "k"})[0]
		return g.Granted() && g.OnProbation
	}, 10*time.Second, 20*time.Millisecond)
}

func TestAKeyHasRoomForTheFencesOf255Writers(t *testing.T) {
	st := open(t, redistest.Start(t).Client(t))
	for token := range uint64(255) {
		require.NoError(t, st.Fence(t.Context(), token+1, time.Minute, "k"))
	}
	require.ErrorContains(t, st.Fence(t.Context(), 256, time.Minute, "k"), "too many writers")
	require.NoError(t, st.Fence(t.Context(), 7, time.Minute, "k"), "one that is there")
	require.NoError(t, st.Lift(t.Context(), 7, 0, "k"))
	require.NoError(t, st.Fence(t.Context(), 256, time.Minute, "k"))
	require.NoError(t, st.Lift(t.Context(), 300, time.Minute, "k"), "no room for the probation: the key is deleted")
	assert.Equal(t, store.Missing, get(t, st, "k").Kind)
}
