package soak_test

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/torture/soak"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/redisstore"
)

// TestNoReadIsStaleWhileSlotsMove is the guarantee on a cluster of three masters, between which the slots of the keys
// move all the time. Nobody sees an error, be it of a read or of a write.
func TestNoReadIsStaleWhileSlotsMove(t *testing.T) {
	logging.Disable()
	cluster := redistest.StartCluster(t, 3)
	var stores []store.Store
	for range 4 {
		st := redisstore.New(cluster.Client(t), redisstore.Options{})
		t.Cleanup(func() { require.NoError(t, st.Close()) })
		stores = append(stores, st)
	}
	var report soak.Report
	ended := make(chan error, 1)
	go func() {
		var err error
		report, err = soak.Run(context.Background(), soak.Plan{
			Stores: stores, Readers: 32, Writers: 8, Keys: 40, Reads: 1 << 40, Time: *clusterTime,
			Stall: func() time.Duration { return rand.N(50 * time.Millisecond) },
			Rest:  100 * time.Millisecond, Log: os.Stderr,
		})
		ended <- err
	}()
	moves := 0
	for {
		select {
		case err := <-ended:
			require.NoError(t, err)
			t.Logf("%v; %d slots moved", report, moves)
			require.Zero(t, report.Stale, report.FirstStale)
			require.Zero(t, report.Wrong, "cached records differ from the source at rest")
			require.Greater(t, moves, 10)
			return
		case <-time.After(rand.N(20 * time.Millisecond)):
		}
		from, to := cluster.Servers[rand.N(3)], cluster.Servers[rand.N(3)]
		if key, _ := from.Do("randomkey").(string); key != "" && from != to {
			end := cluster.Migrate(cluster.Slot(key), to)
			time.Sleep(rand.N(100 * time.Millisecond))
			end()
			moves++
		}
	}
}

// TestReadsSurviveAFailover kills the master behind Sentinel. No invalidation is lost that as many Replicas acknowledged
// as there are: one that has not may be promoted.
func TestReadsSurviveAFailover(t *testing.T) {
	sentinel := redistest.StartSentinel(t)
	client := sentinel.Client(t, func(o *redis.FailoverOptions) { o.DialerRetries = 1 }) // the source is the retry
	surviveOutage(t, client, redisstore.Options{Replicas: 1}, sentinel.Master.Kill, func() { sentinel.Promoted() })
}
