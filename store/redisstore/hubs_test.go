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

// wakes has a waiter of another process woken by the end of a lease, at once.
func wakes(t *testing.T, loader, waiter store.Store, key string) {
	t.Helper()
	held := lease(t, loader, key)
	w := watch(t, waiter, key)
	defer w.Close()
	require.Equal(t, store.Lease, waiter.Lease(t.Context(), store.Ask{Key: key})[0].Kind)
	began := time.Now()
	require.NoError(t, loader.Release(t.Context(), true, held))
	woken(t, w, store.Failed)
	assert.Less(t, time.Since(began), 500*time.Millisecond)
}

func TestAWakeUpOnAClusterIsPushedByTheServerThatHasTheKeyAndGoesToNoOther(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	loader, waiter := open(t, cluster.Client(t)), open(t, cluster.Client(t))
	for _, key := range names(20) {
		wakes(t, loader, waiter, key)
	}
	for _, server := range cluster.Servers {
		assert.Contains(t, server.Do("info", "commandstats"), "cmdstat_spublish")
		assert.NotContains(t, server.Do("info", "commandstats"), "cmdstat_publish")
		assert.NotContains(t, server.Do("cluster", "info"), "messages_publish", "on the bus")
	}
}

func TestAWaiterOnAClusterIsWokenWhenItsSlotMovesOrTheConnectionIsLost(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3)
	client := cluster.Client(t)
	loader, waiter := open(t, client), open(t, client)
	server := cluster.Servers[0]
	var watches []store.Watch
	for i := 0; len(watches) < 5; i++ { // of several slots
		if key := fmt.Sprint("other-", i); cluster.Owner(key) == server {
			watches = append(watches, watch(t, waiter, key))
		}
	}
	server.Do("client", "kill", "type", "pubsub")
	for _, w := range watches {
		woken(t, w, store.Changed)
	}
	cluster.Migrate(cluster.Slot("k"), server)()
	get(t, waiter, "k") // tells the client
	require.Eventually(t, func() bool {
		node, err := client.MasterForKey(t.Context(), "k")
		return err == nil && node.Options().Addr == server.Addr
	}, patience, time.Millisecond)
	wakes(t, loader, waiter, "k")

	w := watch(t, waiter, "k")
	cluster.Migrate(cluster.Slot("k"), cluster.Servers[1])()
	woken(t, w, store.Changed)
	for _, w := range append(watches, w) {
		w.Close()
	}
}

func TestAWaiterOnAnyShardOfARingIsWokenByPush(t *testing.T) {
	t.Parallel()
	one, two := redistest.Start(t), redistest.Start(t)
	loader, waiter := open(t, ring(t, one, two)), open(t, ring(t, one, two))
	for _, key := range names(20) {
		wakes(t, loader, waiter, key)
	}
}
