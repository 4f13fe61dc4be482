package soak_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/torture/soak"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
	"github.com/cachet-go/cachet/store/redisstore"
)

var (
	soakReads = flag.Int64("soak.reads", 100_000, "reads to check")
	soakTime  = flag.Duration("soak.time", 30*time.Minute, "time after which to end in any case")
	soakKeys  = flag.Int("soak.keys", 200, "keys; the fewer, the more often do reads, writes and loads of one meet")
	soakRest  = flag.Duration("soak.rest", time.Second, "longest rest of a writer between bursts")
	toFirst   = flag.Bool("soak.first", false, "end at the first stale read")
)

// network now and then holds up a request or a reply. The windows that it opens are those between the execution of a
// command and the news of it.
var network = chaosstore.Options{
	Delay: 0.3, MaxDelay: 50 * time.Millisecond,
	Ops: []chaosstore.Op{chaosstore.OpLease, chaosstore.OpFill, chaosstore.OpRelease},
}

// stall is how long a load takes: anything up to half a second, and now and then longer than a lease.
func stall() time.Duration {
	if rand.N(100) == 0 {
		return time.Second + rand.N(500*time.Millisecond)
	}
	return rand.N(500 * time.Millisecond)
}

// TestSoakNoReadIsStale is the guarantee: four instances with clients of their own, readers and writers on one
// real server, loads that stall, requests and replies that are held up, callers that leave.
func TestSoakNoReadIsStale(t *testing.T) {
	server := redistest.Start(t)
	var stores []store.Store
	for range 4 {
		client := redis.NewClient(&redis.Options{Addr: server.Addr, PoolSize: 64})
		st := redisstore.New(client, redisstore.Options{})
		t.Cleanup(func() {
			require.NoError(t, st.Close())
			require.NoError(t, client.Close())
		})
		stores = append(stores, st)
	}
	report, err := soak.Run(context.Background(), soak.Plan{
		Stores: stores, Readers: 64, Writers: 8, Keys: *soakKeys, Chaos: network,
		Reads: *soakReads, Time: *soakTime, ToFirst: *toFirst,
		Stall: stall, Rest: *soakRest, Log: os.Stderr,
	})
	require.NoError(t, err)
	t.Log(report)
	require.Zero(t, report.Stale, report.FirstStale)
	require.Zero(t, report.Wrong, "cached records differ from the source at rest")
}
