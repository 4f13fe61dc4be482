package soak_test

import (
	"context"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/torture/soak"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
	"github.com/cachet-go/cachet/store/memstore"
)

// chaos runs four instances in a bubble, over wrapped stores that fail by chance. One stall in ten is longer than a lease.
func chaos(t *testing.T, seed uint64, wrap func(store.Store) store.Store, plan soak.Plan) soak.Report {
	t.Helper()
	var report soak.Report
	synctest.Test(t, func(t *testing.T) {
		st := wrap(memstore.New())
		plan.Stores = []store.Store{st, st, st, st}
		plan.Chaos = chaosstore.Options{
			Seed: seed, Fail: 0.02, Late: 0.02, Lose: 0.02, Repeat: 0.05, Delay: 0.2, MaxDelay: 100 * time.Millisecond,
		}
		plan.Readers, plan.Writers, plan.Keys = 32, 8, 50
		plan.Time, plan.Rest, plan.Log = 24*time.Hour, 2*time.Second, io.Discard
		plan.Stall = func() time.Duration {
			if rand.N(10) == 0 {
				return rand.N(3 * time.Second)
			}
			return rand.N(50 * time.Millisecond)
		}
		var err error
		report, err = soak.Run(context.Background(), plan)
		require.NoError(t, err)
	})
	t.Log(report)
	return report
}

func TestNoReadIsStaleInChaos(t *testing.T) {
	whole := func(st store.Store) store.Store { return st }
	report := chaos(t, 1, whole, soak.Plan{Reads: *soakReads, ToFirst: *toFirst})
	require.Zero(t, report.Stale, report.FirstStale)
	require.Zero(t, report.Wrong, "cached records differ from the source at rest")
	for name, n := range map[string]int64{
		"refused": report.Refused, "merged": report.Merged, "waits": report.Waits,
		"unacknowledged": report.Unacknowledged, "failed": report.Chaos.Failed, "late": report.Chaos.Late,
		"lost": report.Chaos.Lost, "repeated": report.Chaos.Repeated, "delayed": report.Chaos.Delayed,
	} {
		require.Positive(t, n, name)
	}
}

// careless is a store that breaks its contract.
type careless struct {
	store.Store
	fills      bool // are stored whatever stamp the record bears
	deletes    bool // of leases are not made: only those of values are
	forgetting bool // one invalidation in a hundred
}

func (c careless) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	verdicts := c.Store.Fill(ctx, fills...)
	for i, v := range verdicts {
		if !c.fills || v.Accepted || v.Err != nil {
			continue
		}
		if g := c.Lease(ctx, store.Ask{Key: fills[i].Key})[0]; g.Granted() {
			again := fills[i]
			again.Stamp = g.Stamp
			verdicts[i] = c.Store.Fill(ctx, again)[0]
		}
	}
	return verdicts
}

func (c careless) Invalidate(ctx context.Context, keys ...string) error {
	for _, key := range keys {
		if c.forgetting && rand.N(100) == 0 {
			continue
		}
		if rec, err := c.Get(ctx, key); c.deletes && err == nil && rec.Kind == store.Lease {
			continue
		}
		if err := c.Store.Invalidate(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// The test of the test.
func TestChaosFindsAStoreThatBreaksItsContract(t *testing.T) {
	for name, broken := range map[string]careless{
		"a fill does not need its stamp":       {fills: true},
		"an invalidation leaves leases alone":  {deletes: true},
		"an invalidation is lost now and then": {forgetting: true},
	} {
		t.Run(name, func(t *testing.T) {
			report := chaos(t, 1, func(st store.Store) store.Store {
				broken.Store = st
				return broken
			}, soak.Plan{Reads: 10_000_000, ToFirst: true})
			require.Positive(t, report.Stale)
			require.Contains(t, report.FirstStale, "was acknowledged")
		})
	}
}
