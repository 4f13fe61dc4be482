package soak_test

import (
	"context"
	"flag"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

var outage = flag.Duration("torture.outage", time.Second, "how long Redis is away")
var clusterTime = flag.Duration("torture.cluster", 5*time.Second, "how long slots move")

// outageRun reads 2,000 times a second, each within a second, and writes, while Redis goes away and comes back.
type outageRun struct {
	cache *cachet.Cache[int, int64]
	rows  [100]struct{ committed, acked atomic.Int64 }

	loading, mostLoading   atomic.Int64
	reads, failed, stale   atomic.Int64
	writes, unacknowledged atomic.Int64

	mu    sync.Mutex
	while []time.Duration // guarded by mu; what reads took
}

func (o *outageRun) load(ctx context.Context, key int) (int64, error) {
	n := o.loading.Add(1)
	defer o.loading.Add(-1)
	for most := o.mostLoading.Load(); n > most && !o.mostLoading.CompareAndSwap(most, n); {
		most = o.mostLoading.Load()
	}
	v := o.rows[key].committed.Load()
	select {
	case <-time.After(5 * time.Millisecond):
		return v, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (o *outageRun) read(key int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	acked := o.rows[key].acked.Load()
	start := time.Now()
	v, err := o.cache.Get(ctx, key)
	took := time.Since(start)
	o.reads.Add(1)
	switch {
	case err != nil:
		o.failed.Add(1)
		slog.Info("read failed", "error", err, "took", took)
	case v < acked:
		o.stale.Add(1)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.while = append(o.while, took)
}

func (o *outageRun) write(key int) {
	var v int64
	err := o.cache.Update(context.Background(), key, func(context.Context) error {
		v = o.rows[key].committed.Add(1)
		return nil
	})
	o.writes.Add(1)
	if err != nil {
		o.unacknowledged.Add(1)
		return
	}
	for old := o.rows[key].acked.Load(); v > old && !o.rows[key].acked.CompareAndSwap(old, v); {
		old = o.rows[key].acked.Load()
	}
}

// took returns the 99th percentile of what reads took since the last call.
func (o *outageRun) took() time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	slices.Sort(o.while)
	p99 := time.Duration(0)
	if n := len(o.while); n > 0 {
		p99 = o.while[n*99/100]
	}
	o.while = nil
	return p99
}

// surviveOutage reads and writes through client while Redis goes away and comes back.
func surviveOutage(t *testing.T, client redis.UniversalClient, opts redisstore.Options, away, back func()) {
	t.Helper()
	logging.Disable()
	st := redisstore.New(client, opts)
	o := &outageRun{}
	o.cache = cachet.Must(cachet.New(st, cachet.Config[int, int64]{
		Name: "outage", Load: o.load, MaxLoads: 16,
		Hooks: cachet.Hooks{Error: func(_ context.Context, err error) { slog.Info("reported", "error", err) }},
	}))
	var callers sync.WaitGroup
	ctx, stop := context.WithCancel(context.Background())
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	callers.Go(func() {
		begin := time.Now()
		for i := 0; ctx.Err() == nil; <-tick.C {
			for due := int(time.Since(begin) / (500 * time.Microsecond)); i < due; i++ {
				n := i
				callers.Go(func() { o.read(n % len(o.rows)) })
				if n%40 == 0 {
					callers.Go(func() { o.write(n / 40 % len(o.rows)) })
				}
			}
		}
	})
	time.Sleep(time.Second)
	t.Logf("before: p99 %v", o.took())
	away()
	time.Sleep(*outage / 2)
	t.Logf("while it goes: p99 %v", o.took())
	time.Sleep(*outage / 2)
	p99 := o.took()
	t.Logf("while it is away: p99 %v", p99)
	back()
	returned := time.Now()
	hits := o.cache.Stats().Hits
	for o.cache.Stats().Hits < hits+100 && time.Since(returned) < 30*time.Second {
		time.Sleep(5 * time.Millisecond)
	}
	recovery := time.Since(returned)
	t.Logf("hits again %v after it came back", recovery.Round(time.Millisecond))
	time.Sleep(time.Second)
	stop()
	callers.Wait()
	require.Eventually(t, func() bool { return o.cache.Stats().Pending == 0 }, 20*time.Second, 10*time.Millisecond)
	t.Logf("%d reads, %d failed, %d stale; %d writes, %d unacknowledged; at most %d loads; %+v", o.reads.Load(), o.failed.Load(),
		o.stale.Load(), o.writes.Load(), o.unacknowledged.Load(), o.mostLoading.Load(), o.cache.Stats())
	for key := range o.rows {
		e, ok, err := o.cache.Peek(context.Background(), key)
		require.NoError(t, err)
		require.True(t, !ok || e.Value == o.rows[key].committed.Load(), "key %d is wrong at rest: %+v, committed %d, acknowledged %d", key, e, o.rows[key].committed.Load(), o.rows[key].acked.Load())
	}
	require.NoError(t, o.cache.Close())
	require.NoError(t, st.Close())
	require.Zero(t, o.failed.Load(), "failed reads")
	require.Zero(t, o.stale.Load(), "stale reads")
	require.LessOrEqual(t, o.mostLoading.Load(), int64(16), "loads at once")
	if *outage > time.Second { // run on its own
		require.LessOrEqual(t, p99, 100*time.Millisecond, "while Redis is away")
		require.LessOrEqual(t, recovery, time.Second, "recovery")
	}
}

func TestReadsSurviveARedisThatIsKilled(t *testing.T) {
	server := redistest.Start(t)
	surviveOutage(t, server.Client(t), redisstore.Options{}, server.Kill, server.Restart)
}

func TestReadsSurviveARedisThatIsFrozen(t *testing.T) {
	server := redistest.Start(t)
	surviveOutage(t, server.Client(t), redisstore.Options{}, server.Pause, server.Resume)
}
