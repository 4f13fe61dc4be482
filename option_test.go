package cachet_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
)

func TestFreshReplacesWhatIsStored(t *testing.T) {
	b := newBed(t)
	for _, batch := range []bool{false, true} {
		for name, first := range map[string]map[string]string{"a record": {"k": "v1"}, "an absence": nil} {
			t.Run(name, func(t *testing.T) {
				b.each(t, func(t *testing.T, p place) {
					src := newSource(first)
					c := open(t, p, src.config(batch))
					_, _ = c.Get(t.Context(), "k")
					src.set("k", "v2") // by a program that knows nothing of the cache
					if batch {
						m, err := c.GetMany(t.Context(), []string{"k", "none"}, cachet.Fresh())
						require.NoError(t, err)
						require.Equal(t, map[string]string{"k": "v2"}, m)
					} else {
						v, err := c.Get(t.Context(), "k", cachet.Fresh())
						require.NoError(t, err)
						require.Equal(t, "v2", v)
					}
					v, err := c.Get(t.Context(), "k")
					require.NoError(t, err)
					require.Equal(t, "v2", v)
					require.Equal(t, 2, src.count())
				})
			})
		}
	}
}

func TestFreshThatFindsNothingReplacesTheRecordByItsAbsence(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		c := open(t, p, src.config(false))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.mu.Lock()
		delete(src.rows, "k")
		src.mu.Unlock()
		_, err = c.Get(t.Context(), "k", cachet.Fresh())
		require.Equal(t, cachet.ErrNotFound, err)
		_, err = c.Get(t.Context(), "k")
		require.Equal(t, cachet.ErrNotFound, err)
		require.Equal(t, 2, src.count())
	})
}

// A Fresh whose load fails leaves the record where it was.
func TestFreshThatFailsSpoilsNothing(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		broken := false
		c := open(t, p, cachet.Config[string, string]{
			Load: func(context.Context, string) (string, error) {
				if broken {
					return "", errSource
				}
				return "v1", nil
			},
		})
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		broken = true
		_, err = c.Get(t.Context(), "k", cachet.Fresh())
		require.ErrorIs(t, err, errSource)
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v1", v)
	})
}

// While a Fresh loads, the record is still served; a write voids what it will store.
func TestFreshBlocksNobodyAndAWriteVoidsIt(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 2)
		c := open(t, p, src.config(false))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		fresh := reader(t.Context(), c, "k", cachet.Fresh())
		load.awaitRead(t)
		allRead(t, "v1", joins(t.Context(), c))
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		allRead(t, "v2", joins(t.Context(), c))
		load.resume()
		allRead(t, "v1", []<-chan answer{fresh})
		allRead(t, "v2", joins(t.Context(), c))
	})
}

func TestMaxStaleLimitsHowStaleARecordMayBe(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.TTL, cfg.Jitter, cfg.StaleTTL = 10*time.Second, -1, time.Minute
		c := open(t, p, cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.set("k", "v2")
		get := func(opts ...cachet.Option) string {
			t.Helper()
			v, err := c.Get(t.Context(), "k", opts...)
			require.NoError(t, err)
			m, err := c.GetMany(t.Context(), []string{"k"}, opts...)
			require.NoError(t, err)
			if v == "v1" { // the batch was asked second, and a reader of stale records has it refreshed
				require.Contains(t, []string{"v1", "v2"}, m["k"])
			} else {
				require.Equal(t, v, m["k"])
			}
			return v
		}
		require.Equal(t, "v1", get(cachet.MaxStale(0)), "it is fresh")
		require.Equal(t, "v1", get(cachet.MaxStale(-time.Hour)), "it is fresh")

		time.Sleep(15 * time.Second) // 5 s past its TTL
		e, ok, err := c.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.True(t, ok && e.Stale)
		require.Equal(t, "v2", get(cachet.MaxStale(4*time.Second)))

		time.Sleep(15 * time.Second)
		src.set("k", "v3")
		require.Equal(t, "v2", get(cachet.MaxStale(6*time.Second)))
		synctest.Wait()
		require.Equal(t, "v3", get(cachet.MaxStale(0)), "it was refreshed")

		time.Sleep(15 * time.Second)
		src.set("k", "v4")
		require.Equal(t, "v4", get(cachet.MaxStale(0)))

		time.Sleep(71 * time.Second)
		src.set("k", "v5")
		require.Equal(t, "v5", get(cachet.MaxStale(time.Hour)), "StaleTTL still holds")

		time.Sleep(15 * time.Second)
		src.set("k", "v6")
		require.Equal(t, "v6", get(cachet.MaxStale(time.Hour), cachet.MaxStale(time.Second)), "the last one wins")
		time.Sleep(15 * time.Second)
		src.set("k", "v7")
		require.Equal(t, "v7", get(cachet.MaxStale(time.Hour), cachet.Fresh()))
	})
}

func TestMaxStaleDoesNothingWithoutStaleTTL(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.TTL, cfg.Jitter = time.Second, -1
		c := open(t, p, cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.set("k", "v2")
		time.Sleep(time.Second)
		v, err := c.Get(t.Context(), "k", cachet.MaxStale(time.Hour))
		require.NoError(t, err)
		require.Equal(t, "v2", v)
	})
}

func TestPeekTellsWhatIsThereAndTouchesNothing(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		cfg := lasting(src, false)
		cfg.Strategy = aside.Strategy{Fence: time.Minute}
		c := open(t, p, cfg)
		peek := func(key string) (cachet.Entry[string], bool) {
			t.Helper()
			e, ok, err := c.Peek(t.Context(), key)
			require.NoError(t, err)
			return e, ok
		}
		nothingThere := func(why string) {
			t.Helper()
			e, ok := peek("k")
			require.False(t, ok, why)
			require.Zero(t, e)
		}
		nothingThere("nobody has read it")
		first := reader(t.Context(), c, "k")
		load.awaitRead(t)
		nothingThere("it is being loaded")
		load.resume()
		allRead(t, "v1", []<-chan answer{first})
		e, ok := peek("k")
		require.True(t, ok)
		require.Equal(t, "v1", e.Value)
		require.False(t, e.Absent)
		require.Less(t, e.Age, p.about(50*time.Millisecond))
		require.GreaterOrEqual(t, e.Age, time.Duration(0))

		_, err := c.Get(t.Context(), "none")
		require.Equal(t, cachet.ErrNotFound, err)
		e, ok = peek("none")
		require.True(t, ok)
		require.True(t, e.Absent)
		require.Empty(t, e.Value)

		awaitStale(t, c, "k")
		e, ok = peek("k")
		require.True(t, ok)
		require.Equal(t, "v1", e.Value)
		require.GreaterOrEqual(t, e.Age, 100*time.Millisecond)

		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			nothingThere("it is being written")
			return nil
		}))
		nothingThere("it was written")
		require.Equal(t, 2, src.count(), "Peek loads or refreshes")
		stats := c.Stats()
		require.EqualValues(t, 2, stats.Hits+stats.Misses, "Peek counts as a look-up")
	})
}

func TestPeekReturnsTheErrorOfTheStore(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c := open(t, p, newSource(nil).config(false))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, ok, err := c.Peek(ctx, "k")
		require.ErrorIs(t, err, context.Canceled)
		require.False(t, ok)
	})
}

func TestAbsenceIsNotRememberedWhereNotFoundTTLIsNegative(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(nil)
		cfg := src.config(true)
		cfg.NotFoundTTL = -1
		c := open(t, p, cfg)
		for n := range 3 {
			_, err := ways[[]string{"Get", "GetMany", "Get"}[n]](t.Context(), c, "k")
			require.Equal(t, cachet.ErrNotFound, err)
			require.Equal(t, n+1, src.count())
			_, ok, err := c.Peek(t.Context(), "k")
			require.NoError(t, err)
			require.False(t, ok)
		}
		require.Zero(t, c.Stats().Refused)
		require.Zero(t, c.Stats().Absents)
	})
}

func TestValueLargerThanMaxValueSizeIsReturnedReportedAndNotStored(t *testing.T) {
	b := newBed(t)
	for shape := range shapes {
		t.Run(shape, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				var log reports
				large, fits := strings.Repeat("x", 101), strings.Repeat("x", 98) // and two bytes of header
				cfg := shaped(shape, func(_ context.Context, key string) (string, error) {
					if key == "fits" {
						return fits, nil
					}
					return large, nil
				})
				cfg.MaxValueSize = 100
				cfg.Hooks.Error = log.hook
				c := open(t, p, cfg)
				for n := range 2 {
					v, err := c.Get(t.Context(), "large")
					require.NoError(t, err)
					require.Equal(t, large, v)
					require.Len(t, log.all(), n+1)
				}
				var oversize *aside.OversizeError
				require.ErrorAs(t, log.all()[0], &oversize)
				require.Equal(t, aside.OversizeError{Key: "test:large", Size: 103, Most: 100}, *oversize)
				_, ok, err := c.Peek(t.Context(), "large")
				require.NoError(t, err)
				require.False(t, ok)
				require.NoError(t, c.Prime(t.Context(), map[string]string{"large": large}))
				require.Len(t, log.all(), 3)

				for range 2 {
					v, err := c.Get(t.Context(), "fits")
					require.NoError(t, err)
					require.Equal(t, fits, v)
				}
				require.EqualValues(t, 1, c.Stats().Hits)
				require.EqualValues(t, 3, c.Stats().Oversize)
				require.Zero(t, c.Stats().Refused)
			})
		})
	}
}
