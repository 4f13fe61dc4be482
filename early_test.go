package cachet_test

import (
	"context"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
)

// Long before the end nobody refreshes, near it nearly everybody would: with a load of 100 ms and beta 1 the
// chance is exp(-left/100ms).
func TestEarlyRefreshComesNearTheEndOfARecord(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		var calls atomic.Int64
		c := open(t, p, cachet.Config[string, int64]{
			TTL: 10 * time.Second, Jitter: -1, EarlyRefresh: 1, MaxLoads: 1000,
			Load: func(context.Context, string) (int64, error) {
				time.Sleep(100 * time.Millisecond)
				return calls.Add(1), nil
			},
		})
		const keys = 300
		for i := range keys {
			go func() { _, _ = c.Get(t.Context(), strconv.Itoa(i)) }()
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.EqualValues(t, keys, calls.Load())
		for i := range keys {
			_, err := c.Get(t.Context(), strconv.Itoa(i))
			require.NoError(t, err)
		}
		synctest.Wait()
		require.Zero(t, c.Stats().Refreshes)

		time.Sleep(4900 * time.Millisecond) // 100 ms or more are left
		hits := c.Stats().Hits
		for i := range keys {
			_, err := c.Get(t.Context(), strconv.Itoa(i))
			require.NoError(t, err)
		}
		require.Equal(t, hits+keys, c.Stats().Hits, "a reader waited")
		synctest.Wait()
		require.InDelta(t, keys*0.37, c.Stats().Refreshes, keys*0.15)
		time.Sleep(time.Second) // the loader ignores its context
	})
}

func TestEarlyRefreshIsMadeByOneProcessAtATime(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		src.takes = time.Millisecond
		refresh := src.hold(t, 2)
		cfg := src.config(false)
		cfg.TTL, cfg.EarlyRefresh = time.Hour, 1e12 // always
		one, two := open(t, p, cfg), open(t, p, cfg)
		_, err := one.Get(t.Context(), "k")
		require.NoError(t, err)
		_, err = one.Get(t.Context(), "k")
		require.NoError(t, err)
		refresh.awaitRead(t)
		for range 50 {
			for _, c := range []*cachet.Cache[string, string]{one, two} {
				v, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, "v1", v)
			}
		}
		settled()
		require.Equal(t, 2, src.count())
		require.Zero(t, one.Stats().StaleHits)
		require.NoError(t, two.Close())
		require.NoError(t, one.Close())
	})
}

// Without StaleTTL nothing is served past its TTL, early refresh or not.
func TestEarlyRefreshAloneServesNothingStale(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		var calls atomic.Int64
		c := open(t, p, cachet.Config[string, int64]{
			TTL: time.Second, Jitter: -1, EarlyRefresh: 1,
			Load: func(context.Context, string) (int64, error) { return calls.Add(1), nil },
		})
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 1, v)
		time.Sleep(time.Second)
		v, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.EqualValues(t, 2, v)
		require.Zero(t, c.Stats().StaleHits)
	})
}
