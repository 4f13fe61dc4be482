package memstore_test

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

func lease(t *testing.T, s store.Store, key string) store.Held {
	t.Helper()
	g := s.Lease(t.Context(), store.Ask{Key: key})[0]
	require.True(t, g.Granted(), "Lease(%q): got %+v", key, g)
	return store.Held{Key: key, Stamp: g.Stamp}
}

func fill(t *testing.T, s store.Store, held store.Held, ttl time.Duration) {
	t.Helper()
	v := s.Fill(t.Context(), store.Fill{Held: held, Codec: "raw", Payload: []byte("v"), TTL: ttl})[0]
	require.Equal(t, store.Verdict{Accepted: true}, v)
}

func kind(t *testing.T, s store.Store, key string) store.Kind {
	t.Helper()
	rec, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	return rec.Kind
}

// lasts checks that key holds want until d is over, and then what.
func lasts(t *testing.T, s store.Store, key string, want store.Kind, d time.Duration, then store.Kind) {
	t.Helper()
	time.Sleep(d - time.Microsecond)
	assert.Equal(t, want, kind(t, s, key), "%s: one microsecond before %v", key, d)
	time.Sleep(time.Microsecond)
	assert.Equal(t, then, kind(t, s, key), "%s: after %v", key, d)
}

func TestEveryStateEndsToTheMicrosecondOfAFakeClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		ctx := t.Context()

		lease(t, s, "lease")
		lasts(t, s, "lease", store.Lease, time.Second, store.Missing)

		held := lease(t, s, "renewed")
		time.Sleep(900 * time.Millisecond)
		require.NoError(t, s.Renew(ctx, held))
		lasts(t, s, "renewed", store.Lease, time.Second, store.Missing)

		held = lease(t, s, "value")
		time.Sleep(300 * time.Millisecond)
		fill(t, s, held, time.Minute)
		lasts(t, s, "value", store.Value, time.Minute-300*time.Millisecond, store.Missing)

		require.NoError(t, s.Fence(ctx, 1, time.Hour, "fence"))
		require.NoError(t, s.Fence(ctx, 2, time.Minute, "fence"))
		lasts(t, s, "fence", store.Fence, time.Hour, store.Missing)

		require.NoError(t, s.Lift(ctx, 0, time.Minute, "probation"))
		require.NoError(t, s.Fence(ctx, 1, time.Second, "probation"))
		lasts(t, s, "probation", store.Fence, time.Second, store.Probation)
		lease(t, s, "probation")
		lasts(t, s, "probation", store.Lease, time.Second, store.Probation)
		fill(t, s, lease(t, s, "probation"), time.Second)
		lasts(t, s, "probation", store.Value, time.Second, store.Probation)
		held = lease(t, s, "probation")
		fill(t, s, held, time.Hour)
		lasts(t, s, "probation", store.Value, 57*time.Second, store.Missing)
	})
}

func TestClaimIsRefusedUntilItsHoldIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		fill(t, s, lease(t, s, "k"), time.Hour)
		ask := store.Ask{Key: "k", Mode: store.Refresh, Hold: 12345 * time.Millisecond}
		require.True(t, s.Lease(t.Context(), ask)[0].Granted())
		time.Sleep(12350*time.Millisecond - time.Microsecond)
		assert.Equal(t, store.Value, s.Lease(t.Context(), ask)[0].Kind)
		time.Sleep(time.Microsecond)
		g := s.Lease(t.Context(), ask)[0]
		require.True(t, g.Granted())

		time.Sleep(3 * time.Second)
		require.NoError(t, s.Release(t.Context(), true, store.Held{Key: "k", Stamp: g.Stamp}))
		time.Sleep(time.Second - time.Microsecond)
		assert.Equal(t, store.Value, s.Lease(t.Context(), ask)[0].Kind)
		time.Sleep(time.Microsecond)
		require.True(t, s.Lease(t.Context(), ask)[0].Granted())
	})
}

func TestClaimIsCutToWhatARecordCanExpress(t *testing.T) {
	s := memstore.New()
	for _, hold := range []time.Duration{time.Hour, math.MaxInt64} {
		key := hold.String()
		fill(t, s, lease(t, s, key), math.MaxInt64)
		g := s.Lease(t.Context(), store.Ask{Key: key, Mode: store.Refresh, Hold: hold})[0]
		require.True(t, g.Granted())
		assert.Equal(t, 655350*time.Millisecond, g.Lease)
		rec, err := s.Get(t.Context(), key)
		require.NoError(t, err)
		assert.Equal(t, 655350*time.Millisecond, rec.Claimed)
	}
}

func TestLongestDurationsDoNotOverflow(t *testing.T) {
	s := memstore.New()
	held := lease(t, s, "k")
	s.Fill(t.Context(), store.Fill{Held: held, TTL: math.MaxInt64, FreshFor: math.MaxInt64, LoadCost: math.MaxInt64})
	rec, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	assert.Equal(t, store.Value, rec.Kind)
	assert.Greater(t, rec.FreshFor, 100*365*24*time.Hour)
	assert.Greater(t, rec.LoadCost, 100*365*24*time.Hour)

	require.NoError(t, s.Lift(t.Context(), 1, math.MaxInt64, "k"))
	require.NoError(t, s.Fence(t.Context(), 1, math.MaxInt64, "k"))
	assert.Greater(t, s.Lease(t.Context(), store.Ask{Key: "k"})[0].Lease, 100*365*24*time.Hour)
}

func TestEveryChangeWakesAWatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		held := store.Held{Key: "k"}
		changes := map[string]func(context.Context) error{
			"fill":       func(context.Context) error { fill(t, s, held, time.Minute); return nil },
			"release":    func(ctx context.Context) error { return s.Release(ctx, false, held) },
			"invalidate": func(ctx context.Context) error { return s.Invalidate(ctx, "k") },
			"fence":      func(ctx context.Context) error { return s.Fence(ctx, 1, time.Minute, "k") },
			"lift":       func(ctx context.Context) error { return s.Lift(ctx, 1, 0, "k") },
		}
		for name, change := range changes {
			require.NoError(t, s.Invalidate(t.Context(), "k"))
			held = lease(t, s, "k")
			w, err := s.Watch(t.Context(), "k")
			require.NoError(t, err)
			require.NoError(t, change(t.Context()))
			synctest.Wait()
			select {
			case why := <-w.C():
				assert.Equal(t, store.Changed, why, name)
			default:
				assert.Fail(t, "not woken", name)
			}
			w.Close()
		}
	})
}

func TestExpiredRecordsAreDroppedAsOthersAreWritten(t *testing.T) {
	const records, size = 2000, 16 << 10 // 32 MB
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		ctx := t.Context()
		payload := make([]byte, size)
		before := heap()
		for i := range records {
			held := lease(t, s, fmt.Sprint("short", i))
			s.Fill(ctx, store.Fill{Held: held, Payload: payload, TTL: time.Minute})
		}
		require.Greater(t, heap()-before, int64(records*size*9/10), "the records are not in memory to begin with")
		time.Sleep(time.Hour)
		for i := range records {
			require.NoError(t, s.Fence(ctx, 1, time.Minute, fmt.Sprint("other", i%10)))
		}
		assert.Less(t, heap()-before, int64(records*size/10))
		runtime.KeepAlive(s)
	})
}

func TestShortLivedRecordsDoNotPileUp(t *testing.T) {
	const size = 4 << 10
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		payload := make([]byte, size)
		before := heap()
		for i := range 20_000 { // of which 100 live at a time
			time.Sleep(10 * time.Millisecond)
			held := lease(t, s, fmt.Sprint(i))
			s.Fill(t.Context(), store.Fill{Held: held, Payload: payload, TTL: time.Second})
		}
		assert.Less(t, heap()-before, int64(1000*size))
		runtime.KeepAlive(s)
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
