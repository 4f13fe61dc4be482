package redisstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/redisstore"
)

// replicated returns a store that waits for n replicas.
func replicated(tb testing.TB, client redis.UniversalClient, n int, wait time.Duration) *redisstore.Store {
	tb.Helper()
	st := redisstore.New(client, redisstore.Options{Replicas: n, ReplicasTimeout: wait})
	tb.Cleanup(func() { _ = st.Close() })
	return st
}

func TestAnInvalidationIsAcknowledgedWhenReplicasHaveIt(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	replicas := []*redistest.Server{server.Replica(t), server.Replica(t)}
	st := replicated(t, server.Client(t), 2, 2*time.Second)
	for name, invalidate := range map[string]func() error{
		"Invalidate": func() error { return st.Invalidate(t.Context(), "k", "l") },
		"Lift":       func() error { return st.Lift(t.Context(), 1, 0, "k", "l") },
	} {
		for range 100 {
			value(t, st, "k", "v")
			require.NoError(t, invalidate(), name)
			for _, r := range replicas {
				require.Nil(t, r.Do("get", "k"), name)
			}
		}
	}
}

func TestAnInvalidationThatTooFewReplicasHaveIsAnError(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Replica(t)
	away := server.Replica(t)
	st := replicated(t, server.Client(t), 2, 300*time.Millisecond)
	value(t, st, "k", "v")
	away.Pause()
	defer away.Resume()
	for name, invalidate := range map[string]func() error{
		"Invalidate": func() error { return st.Invalidate(t.Context(), "k", "l") },
		"Lift":       func() error { return st.Lift(t.Context(), 1, time.Minute, "k", "l") },
	} {
		err := invalidate()
		short, ok := errors.AsType[*redisstore.ReplicasError](err)
		require.True(t, ok, "%s: got %v", name, err)
		assert.Equal(t, 2, short.Want, name)
		assert.Less(t, short.Got, 2, name) // a busy machine may answer too late
		keys, _ := errors.AsType[*store.KeysError](err)
		assert.Equal(t, []string{"k", "l"}, keys.Keys, name)
		assert.NotEqual(t, store.Value, get(t, st, "k").Kind, "the master has it")
	}
	away.Resume()
	require.Eventually(t, func() bool { return st.Invalidate(t.Context(), "k", "l") == nil }, patience, time.Millisecond)
	assert.Nil(t, away.Do("get", "k"))
}

// The time for replicas is longer than the client waits for other replies.
func TestTheClientsTimeOutDoesNotCutTheWaitForReplicasShort(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client(t, func(o *redis.Options) { o.ReadTimeout, o.MaxRetries = 50*time.Millisecond, -1 })
	err := replicated(t, client, 1, 100*time.Millisecond).Invalidate(t.Context(), "k")
	_, ok := errors.AsType[*redisstore.ReplicasError](err)
	require.True(t, ok, "got %v", err)
}

func TestEachMasterOfAClusterHasReplicasOfItsOwn(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	safe := cluster.Servers[1]
	replica := cluster.Replica(safe)
	st := replicated(t, cluster.Client(t), 1, time.Second)
	keys := names(60)
	var want []string
	for _, key := range keys {
		value(t, st, key, key)
		if cluster.Owner(key) != safe {
			want = append(want, key)
		}
	}
	require.Eventually(t, func() bool { return replica.Do("dbsize") == safe.Do("dbsize") }, patience, time.Millisecond)
	require.NotZero(t, replica.Do("dbsize"))
	for name, err := range map[string]error{
		"Invalidate": st.Invalidate(t.Context(), keys...),
		"Lift":       st.Lift(t.Context(), 1, 0, keys...),
	} {
		failed, ok := errors.AsType[*store.KeysError](err)
		require.True(t, ok, "%s: got %v", name, err)
		assert.Equal(t, want, failed.Keys, name)
	}
	assert.Zero(t, replica.Do("dbsize"))
	for _, s := range cluster.Servers {
		assert.Zero(t, s.Do("dbsize"))
	}
}

// While a slot moves its old master sends on who asks for a key that it does not have, and each of the two waits for
// its own replica.
func TestAnInvalidationFollowsASlotToTheReplicasOfItsNewMaster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	from := cluster.Owner("k")
	to := cluster.Servers[0]
	if to == from {
		to = cluster.Servers[1]
	}
	cluster.Replica(from)
	replica := cluster.Replica(to)
	st := replicated(t, cluster.Client(t), 1, time.Second)
	value(t, st, "k", "v")
	end := cluster.Migrate(cluster.Slot("k"), to)
	value(t, st, "{k}l", "v")
	follows := func() bool { return replica.Do("dbsize") == int64(1) }
	require.Eventually(t, follows, patience, time.Millisecond)
	require.NoError(t, st.Invalidate(t.Context(), "{k}l"), "asks")
	require.Zero(t, replica.Do("dbsize"))
	end()
	require.Eventually(t, follows, patience, time.Millisecond)
	to.Do("script", "flush")
	require.NoError(t, st.Lift(t.Context(), 1, 0, "k"), "has moved")
	require.Zero(t, replica.Do("dbsize"))
}

func TestAFailoverLosesWhatNoReplicaHasAndUpdateSaysSo(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	client := sentinel.Client(t)
	var version int
	load := func(context.Context, string) (int, error) { return version, nil }
	write := func(context.Context) error { version++; return nil }
	plain := cachet.Must(cachet.New(open(t, client), cachet.Config[string, int]{Name: "plain", Load: load}))
	safe := cachet.Must(cachet.New(replicated(t, client, 1, 300*time.Millisecond), cachet.Config[string, int]{Name: "safe", Load: load}))
	defer plain.Close()
	for _, c := range []*cachet.Cache[string, int]{plain, safe} {
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
	}
	require.EqualValues(t, 2, sentinel.Master.Do("wait", 2, 10_000))

	for _, r := range sentinel.Replicas {
		r.Pause()
	}
	sentinel.Master.Do("client", "kill", "type", "replica") // what is on its way to them is lost with the connection
	require.NoError(t, plain.Update(t.Context(), "k", write), "acknowledged by the master alone")
	err := safe.Update(t.Context(), "k", write)
	unsafe, ok := errors.AsType[*cachet.InvalidationError](err)
	require.True(t, ok, "got %v", err)
	_, ok = errors.AsType[*redisstore.ReplicasError](unsafe)
	require.True(t, ok, "got %v", err)
	sentinel.Master.Kill()
	for _, r := range sentinel.Replicas {
		r.Resume()
	}
	sentinel.Promoted()

	require.Eventually(t, func() bool { return safe.Stats().Pending == 0 }, 3*patience, 10*time.Millisecond)
	got, err := safe.Get(t.Context(), "k")
	require.NoError(t, err)
	assert.Equal(t, 2, got, "with Replicas nothing is lost")
	got, err = plain.Get(t.Context(), "k")
	require.NoError(t, err)
	assert.Equal(t, 0, got, "without, an acknowledged invalidation may be, until the TTL is over")
	require.NoError(t, safe.Close())
}
