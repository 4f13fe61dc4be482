package redisstore_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

func names(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = fmt.Sprint("key-", i)
	}
	return keys
}

// batch takes keys through every operation on several keys.
func batch(t *testing.T, st store.Store, keys []string) {
	t.Helper()
	ctx := t.Context()
	asks, fills := make([]store.Ask, len(keys)), make([]store.Fill, len(keys))
	for i, key := range keys {
		asks[i].Key = key
	}
	for i, g := range st.Lease(ctx, asks...) {
		require.True(t, g.Granted(), "Lease(%q): got %+v", keys[i], g)
		fills[i] = store.Fill{Held: store.Held{Key: keys[i], Stamp: g.Stamp}, Payload: []byte(keys[i]), TTL: time.Minute}
	}
	for i, v := range st.Fill(ctx, fills...) {
		require.Equal(t, store.Verdict{Accepted: true}, v, keys[i])
	}
	all := func(kind store.Kind) []store.Record {
		t.Helper()
		recs, err := st.GetMany(ctx, keys)
		require.NoError(t, err)
		for i, rec := range recs {
			require.Equal(t, kind, rec.Kind, keys[i])
		}
		return recs
	}
	for i, rec := range all(store.Value) {
		require.Equal(t, keys[i], string(rec.Payload))
	}
	require.NoError(t, st.Fence(ctx, 1, time.Minute, keys...))
	all(store.Fence)
	require.NoError(t, st.Lift(ctx, 1, time.Minute, keys...))
	all(store.Probation)
	require.NoError(t, st.Invalidate(ctx, keys...))
	all(store.Missing)
}

func TestABatchGoesToAllShardsOfARing(t *testing.T) {
	one, two := redistest.Start(t), redistest.Start(t)
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"one": one.Addr, "two": two.Addr}})
	defer ring.Close()
	st := open(t, ring)
	batch(t, st, names(100))
	for _, server := range []*redistest.Server{one, two} {
		stats, _ := server.Do("info", "commandstats").(string)
		assert.Contains(t, stats, "cmdstat_evalsha")
	}
	w := watch(t, st, "k")
	w.Close()

	one.Kill()
	two.Kill()
	require.Eventually(t, func() bool { return ring.Len() == 0 }, 20*time.Second, 10*time.Millisecond)
	down := open(t, ring)
	w = watch(t, down, "k") // the ring panics when it is asked to subscribe
	w.Close()
	_, err := down.Get(t.Context(), "k")
	require.Error(t, err)
	require.Error(t, down.Clear(t.Context(), "k"), "a Clear that has reached nobody")
}

func TestAClientThatKnowsNoClusterReadsKeysOfAllSlots(t *testing.T) {
	server := redistest.Start(t, "--cluster-enabled", "yes")
	server.Do("cluster", "addslotsrange", 0, 16383)
	require.Eventually(t, func() bool {
		info, _ := server.Do("cluster", "info").(string)
		return strings.Contains(info, "cluster_state:ok")
	}, 10*time.Second, 10*time.Millisecond)
	batch(t, open(t, server.Client(t)), names(100))
}

func TestKeysOfAServerThatIsDownFailAndOthersAreAnswered(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, "--cluster-require-full-coverage", "no")
	client := cluster.Client(t, func(o *redis.ClusterOptions) {
		o.MaxRedirects, o.DialTimeout, o.DialerRetries = 1, 200*time.Millisecond, 1
	})
	st := open(t, client)
	keys := names(60)
	for _, key := range keys {
		value(t, st, key, key)
	}
	down := cluster.Servers[1]
	lost := make(map[string]bool)
	for _, key := range keys {
		node, err := client.MasterForKey(t.Context(), key)
		require.NoError(t, err)
		lost[key] = node.Options().Addr == down.Addr
	}
	down.Kill()

	recs, err := st.GetMany(t.Context(), keys)
	require.Error(t, err)
	for i, rec := range recs {
		want := store.Value
		if lost[keys[i]] {
			want = store.Missing
		}
		assert.Equal(t, want, rec.Kind, keys[i])
	}
	for name, err := range map[string]error{
		"Fence":      st.Fence(t.Context(), 1, time.Minute, keys...),
		"Lift":       st.Lift(t.Context(), 1, 0, keys...),
		"Invalidate": st.Invalidate(t.Context(), keys...),
	} {
		failed, ok := errors.AsType[*store.KeysError](err)
		require.True(t, ok, "%s: got %v", name, err)
		var want []string
		for _, key := range keys {
			if lost[key] {
				want = append(want, key)
			}
		}
		assert.Equal(t, want, failed.Keys, name)
	}
	asks := make([]store.Ask, len(keys))
	for i, key := range keys {
		asks[i].Key = key
	}
	for i, g := range st.Lease(t.Context(), asks...) {
		assert.Equal(t, !lost[keys[i]], g.Granted(), keys[i])
		assert.Equal(t, lost[keys[i]], g.Err != nil, keys[i])
	}
}

func TestAServerThatDoesNotAnswerIsAnErrorAndNotAMiss(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t, func(o *redis.Options) {
		o.ReadTimeout, o.MaxRetries = 50*time.Millisecond, -1
	}))
	held := value(t, st, "k", "v")
	server.Pause()
	defer server.Resume()
	rec, err := st.Get(t.Context(), "k")
	require.Error(t, err)
	assert.Equal(t, store.Missing, rec.Kind)
	recs, err := st.GetMany(t.Context(), []string{"k", "l"})
	require.Error(t, err)
	assert.Len(t, recs, 2)
	assert.Error(t, st.Lease(t.Context(), store.Ask{Key: "k"})[0].Err)
	v := st.Fill(t.Context(), store.Fill{Held: held, TTL: time.Minute})[0]
	assert.Error(t, v.Err)
	assert.False(t, v.Accepted)
	assert.Error(t, st.Renew(t.Context(), held))
	assert.Error(t, st.Release(t.Context(), false, held))
	for _, err := range []error{
		st.Invalidate(t.Context(), "k", "l"),
		st.Fence(t.Context(), 1, time.Minute, "k", "l"),
		st.Lift(t.Context(), 1, 0, "k", "l"),
	} {
		failed, ok := errors.AsType[*store.KeysError](err)
		require.True(t, ok)
		assert.Equal(t, []string{"k", "l"}, failed.Keys)
		assert.Equal(t, failed.Err.Error(), failed.Error())
	}
}
