package redistest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
)

func TestASlotMovesWithItsKeys(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	client := cluster.Client(t)
	require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
	from := cluster.Owner("k")
	for _, to := range cluster.Servers {
		end := cluster.Migrate(cluster.Slot("k"), to)
		require.Equal(t, "v", client.Get(t.Context(), "k").Val())
		require.NoError(t, client.Set(t.Context(), "{k}l", "v", 0).Err(), "asks")
		end()
		require.Equal(t, to, cluster.Owner("k"))
		require.Equal(t, "v", to.Do("get", "k"))
		require.Equal(t, "v", client.Get(t.Context(), "{k}l").Val())
		from = to
	}
	assert.Equal(t, from, cluster.Owner("k"))
}

func TestAReplicaOfAMasterOfAClusterFollowsIt(t *testing.T) {
	cluster := redistest.StartCluster(t, 3)
	replica := cluster.Replica(cluster.Servers[1])
	assert.Contains(t, replica.Do("info", "replication"), "role:slave")
}

func TestAMasterThatWasReplacedComesBackAsAReplica(t *testing.T) {
	sentinel := redistest.StartSentinel(t)
	old := sentinel.Master
	require.Equal(t, "OK", old.Do("set", "k", "v"))
	require.EqualValues(t, 2, old.Do("wait", 2, 1000))
	sentinel.Failover()
	assert.NotEqual(t, old, sentinel.Master)
	assert.Contains(t, sentinel.Replicas, old)
	assert.Contains(t, sentinel.Master.Do("info", "replication"), "role:master")
	assert.Equal(t, "v", old.Do("get", "k"))
}

func TestSentinelsPromoteAReplica(t *testing.T) {
	sentinel := redistest.StartSentinel(t)
	client := sentinel.Client(t)
	require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
	require.EqualValues(t, 2, sentinel.Master.Do("wait", 2, 1000))
	sentinel.Master.Kill()
	promoted := sentinel.Promoted()
	assert.Equal(t, "v", promoted.Do("get", "k"))
	assert.Eventually(t, func() bool { return client.Set(t.Context(), "k", "w", 0).Err() == nil }, patience, patience/1000)
}
