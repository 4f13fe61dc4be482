package cachet_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
)

// However a look-up ends, it is either a hit or a miss.
func TestHitsAndMissesAreAllLookups(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var lookups atomic.Int64
		cfg := shaped("both", func(_ context.Context, key string) (string, error) {
			switch key[0] {
			case 'e':
				return "", errSource
			case 'n':
				return "", cachet.ErrNotFound
			case 'p':
				panic("boom")
			}
			return "v" + key, nil
		})
		cfg.MaxLoads = 3
		c := open(t, p, cfg)
		var done sync.WaitGroup
		for g := range 8 {
			done.Go(func() {
				for i := range 30 {
					ctx, cancel := context.WithCancel(t.Context())
					keys := []string{
						fmt.Sprint("v", i%4), fmt.Sprint("e", i%3), fmt.Sprint("n", (i+g)%3), fmt.Sprint("v", (i+g)%7), fmt.Sprint("v", i%4),
					}
					if i%10 == 3 {
						keys = append(keys, "p")
					}
					if i%10 == 5 {
						cancel()
					}
					var opts []cachet.Option
					if i%6 == 0 {
						opts = append(opts, cachet.Fresh())
					}
					func() {
						defer func() { _ = recover() }()
						distinct := make(map[string]bool)
						for _, k := range keys {
							distinct[k] = true
						}
						lookups.Add(int64(len(distinct)))
						_, _ = c.GetMany(ctx, keys, opts...)
					}()
					for _, key := range keys {
						func() {
							defer func() { _ = recover() }()
							lookups.Add(1)
							_, _ = c.Get(ctx, key, opts...)
						}()
					}
					if i%4 == 0 {
						_ = c.Invalidate(ctx, keys...)
					}
					cancel()
				}
			})
		}
		done.Wait()
		s := c.Stats()
		require.Equal(t, lookups.Load(), s.Hits+s.Misses)
		require.LessOrEqual(t, s.Absents+s.StaleHits, s.Hits)
		require.LessOrEqual(t, s.LoadErrors, s.Loads)
		require.LessOrEqual(t, s.Merged, s.Misses)
		require.LessOrEqual(t, s.Loads, s.Misses)
		require.Positive(t, s.Absents)
		require.Positive(t, s.LoadErrors)
	})
}

func TestStatsCountWhatHappened(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v"})
		cfg := src.config(true)
		cfg.TTL, cfg.Jitter, cfg.StaleTTL = time.Second, -1, time.Minute
		c := open(t, p, cfg)
		require.Zero(t, c.Stats())
		_, _ = c.GetMany(t.Context(), []string{"k", "none"})
		require.Equal(t, cachet.Stats{Misses: 2, Loads: 1}, c.Stats())
		_, _ = c.GetMany(t.Context(), []string{"k", "none"})
		require.Equal(t, cachet.Stats{Misses: 2, Loads: 1, Hits: 2, Absents: 1}, c.Stats())
		time.Sleep(2 * time.Second)
		_, _ = c.Get(t.Context(), "k")
		require.NoError(t, c.Close()) // the refresh has ended, or never began
		s := c.Stats()
		require.EqualValues(t, 1, s.StaleHits)
		require.EqualValues(t, 3, s.Hits)
		require.LessOrEqual(t, s.Loads, int64(2))
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v")))
		require.NoError(t, c.UpdateMany(t.Context(), []string{"k", "l"}, src.write("k", "v")))
		require.NoError(t, c.Invalidate(t.Context(), "k", "l"))
		require.EqualValues(t, 3, c.Stats().Updates)
	})
}

func TestRatiosOfNothingAreZero(t *testing.T) {
	require.Zero(t, cachet.Stats{}.HitRatio())
	require.Zero(t, cachet.Stats{}.MergeRatio())
	require.InDelta(t, 0.75, cachet.Stats{Hits: 3, Misses: 1}.HitRatio(), 1e-9)
	require.InDelta(t, 0.25, cachet.Stats{Merged: 1, Misses: 4}.MergeRatio(), 1e-9)
}

// Whoever is turned away by one flight and joins the next has been merged once.
func TestMergeRatioIsNeverAboveOne(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		c := open(t, p, src.config(false))
		leader := reader(t.Context(), c, "k")
		load.awaitRead(t)
		require.NoError(t, c.Invalidate(t.Context(), "k"))
		var after []<-chan answer
		for range 10 {
			after = append(after, reader(t.Context(), c, "k"), batchReader(t.Context(), c, "k"))
		}
		until(t, "all have come", func() bool { return c.Stats().Misses == 21 })
		settled()
		load.resume()
		allRead(t, "v1", append(after, leader))
		require.LessOrEqual(t, c.Stats().MergeRatio(), 1.0)
	})
}

// A load that was never begun, since no slot came free, is no failed load.
func TestLoadErrorsAreAmongLoads(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(nil)
		src.hold(t, 1)
		cfg := src.config(false)
		cfg.MaxLoads, cfg.LoadTimeout = 1, loadTimeout
		c := open(t, p, cfg)
		first := reader(t.Context(), c, "a")
		until(t, "it loads", func() bool { return src.count() == 1 })
		others := []<-chan answer{reader(t.Context(), c, "b"), reader(t.Context(), c, "c"), first}
		for _, w := range others {
			receive(t, "a reader", w)
		}
		settled()
		require.LessOrEqual(t, c.Stats().LoadErrors, c.Stats().Loads)
	})
}

func TestStoreErrorsAreCountedAndReportedOnce(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var log reports
		src := newSource(map[string]string{"k": "v"})
		st := &broken{Store: p}
		cfg := src.config(false)
		cfg.Hooks.Error = log.hook
		c := open(t, st, cfg)
		st.down.Store(true)
		for range 5 {
			v, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, "v", v)
			m, err := c.GetMany(t.Context(), []string{"k", "none"})
			require.NoError(t, err)
			require.Equal(t, map[string]string{"k": "v"}, m)
			_, _, err = c.Peek(t.Context(), "k")
			require.ErrorIs(t, err, errStore)
			require.ErrorIs(t, c.Prime(t.Context(), map[string]string{"k": "v"}), errStore)
		}
		require.Len(t, log.all(), 1, "%v", log.all())
		require.ErrorIs(t, log.all()[0], errStore)
		require.Positive(t, c.Stats().StoreErrors)
		st.down.Store(false)
		for range 5 {
			_, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
		}
		require.Len(t, log.all(), 2, "that it is back is reported once")
		require.Zero(t, c.Stats().LoadErrors)
		st.down.Store(true)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Len(t, log.all(), 3, "it is gone again")
	})
}
