package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// frozen freezes one of several servers, and reads the keys of all through a cache whose source has changed.
func frozen(t *testing.T, client redis.UniversalClient, server *redistest.Server, has func(key string) bool) {
	t.Helper()
	source := "before"
	st := open(t, client)
	c := cachet.Must(cachet.New(st, cachet.Config[string, string]{
		Name: "c", Load: func(context.Context, string) (string, error) { return source, nil },
		Hooks: cachet.Hooks{Error: func(context.Context, error) {}},
	}))
	keys := names(60)
	for _, key := range keys {
		_, err := c.Get(t.Context(), key)
		require.NoError(t, err)
	}
	source = "after"
	server.Pause()
	defer server.Resume()
	began := time.Now()
	check := func() {
		t.Helper()
		one := make(map[string]string)
		for _, key := range keys {
			got, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			one[key] = got
		}
		many, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		for _, key := range keys {
			want := "before"
			if has("c:" + key) {
				want = "after"
			}
			assert.Equal(t, want, one[key], key)
			assert.Equal(t, want, many[key], key)
		}
	}
	check()
	check()
	assert.Less(t, time.Since(began), 10*time.Second, "by the client's own time-outs each key takes as long")
	for _, key := range keys {
		_, err := st.Get(t.Context(), "c:"+key)
		if has("c:" + key) {
			assert.Equal(t, redisstore.ErrUnavailable, err, key)
		} else {
			assert.NoError(t, err, key)
		}
	}
	server.Resume()
	require.Eventually(t, func() bool {
		for _, key := range keys {
			if _, err := st.Get(t.Context(), "c:"+key); err != nil {
				return false
			}
		}
		return true
	}, patience, 10*time.Millisecond)
	require.NoError(t, c.Close())
}

func TestAMasterOfAClusterThatStandsStillIsNotAskedAndTheOthersAre(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, "--cluster-node-timeout", "60000", "--cluster-require-full-coverage", "no")
	server := cluster.Servers[1]
	owned := make(map[string]bool)
	for _, key := range names(60) {
		owned["c:"+key] = cluster.Owner("c:"+key) == server
	}
	frozen(t, cluster.Client(t), server, func(key string) bool { return owned[key] })
}

func TestAShardOfARingThatStandsStillIsNotAskedAndTheOthersAre(t *testing.T) {
	t.Parallel()
	one, two := redistest.Start(t), redistest.Start(t)
	ring := ring(t, one, two)
	owned := make(map[string]bool)
	for _, key := range names(60) {
		shard, err := ring.GetShardClientForKey("c:" + key)
		require.NoError(t, err)
		owned["c:"+key] = shard.Options().Addr == one.Addr
	}
	frozen(t, ring, one, func(key string) bool { return owned[key] })
}

// ring returns a client that goes on asking a server that does not answer.
func ring(t *testing.T, one, two *redistest.Server) *redis.Ring {
	t.Helper()
	client := redis.NewRing(&redis.RingOptions{
		Addrs:              map[string]string{"one": one.Addr, "two": two.Addr},
		HeartbeatFrequency: time.Hour,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
