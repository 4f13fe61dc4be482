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
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/redisstore"
)

// refused calls every operation of st but those that only a master can execute in any case.
func refused(t *testing.T, st *redisstore.Store) {
	t.Helper()
	ctx, held := t.Context(), store.Held{Key: "k", Stamp: store.Stamp{Nonce: 1}}
	_, err := st.Get(ctx, "k")
	require.ErrorIs(t, err, redisstore.ErrReplica)
	_, err = st.GetMany(ctx, []string{"k", "l"})
	require.ErrorIs(t, err, redisstore.ErrReplica)
	require.ErrorIs(t, st.Lease(ctx, store.Ask{Key: "k"})[0].Err, redisstore.ErrReplica)
	require.ErrorIs(t, st.Fill(ctx, store.Fill{Held: held, TTL: time.Minute})[0].Err, redisstore.ErrReplica)
	require.ErrorIs(t, st.Renew(ctx, held), redisstore.ErrReplica)
	require.ErrorIs(t, st.Release(ctx, false, held), redisstore.ErrReplica)
}

func TestAClientWhoseOptionsRouteReadsToReplicasIsRefused(t *testing.T) {
	server := redistest.Start(t)
	server.Do("set", "k", "v")
	slots := func(context.Context) ([]redis.ClusterSlot, error) {
		return []redis.ClusterSlot{{End: 16383, Nodes: []redis.ClusterNode{{Addr: server.Addr}}}}, nil
	}
	sentinel := redis.FailoverOptions{SentinelAddrs: []string{server.Addr}, MasterName: "none", RouteByLatency: true}
	for option, client := range map[string]*redis.ClusterClient{
		"ReadOnly":       redis.NewClusterClient(&redis.ClusterOptions{ClusterSlots: slots, ReadOnly: true}),
		"RouteByLatency": redis.NewFailoverClusterClient(&sentinel),
		"RouteRandomly":  redis.NewClusterClient(&redis.ClusterOptions{ClusterSlots: slots, RouteRandomly: true}),
	} {
		t.Run(option, func(t *testing.T) {
			defer client.Close()
			st := open(t, client)
			require.ErrorContains(t, st.Check(), option)
			refused(t, st)
			require.ErrorIs(t, st.Invalidate(t.Context(), "k"), redisstore.ErrReplica)
			require.ErrorIs(t, st.Fence(t.Context(), 1, time.Minute, "k"), redisstore.ErrReplica)
			require.ErrorIs(t, st.Lift(t.Context(), 1, 0, "k"), redisstore.ErrReplica)
			_, err := st.Watch(t.Context(), "k")
			require.ErrorIs(t, err, redisstore.ErrReplica)
			_, err = cachet.New(st, cachet.Config[string, string]{
				Name: "c", Load: func(context.Context, string) (string, error) { return "", nil },
			})
			require.ErrorIs(t, err, redisstore.ErrReplica)
			require.NoError(t, st.Close())
		})
	}
	assert.Equal(t, "v", server.Do("get", "k"))
}

// No option tells that a client talks to a replica, but the server does. It may become the master.
func TestAServerThatIsAReplicaIsNotReadFrom(t *testing.T) {
	main := redistest.Start(t)
	replica := main.Replica(t)
	for _, protocol := range []int{2, 3} {
		st := open(t, replica.Client(t, func(o *redis.Options) { o.Protocol = protocol }))
		require.NoError(t, st.Check())
		refused(t, st)
		refused(t, st)
		require.ErrorContains(t, st.Invalidate(t.Context(), "k"), "READONLY")
		replica.Do("replicaof", "no", "one")
		require.Equal(t, store.Missing, get(t, st, "k").Kind)
		value(t, st, "k", "v")
		require.NoError(t, st.Invalidate(t.Context(), "k"))
		host, port := main.HostPort()
		replica.Do("replicaof", host, port)
	}
}
