package cachet_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
)

func fenced(cfg *cachet.Config[string, string]) { cfg.Strategy = aside.Strategy{Fence: time.Minute} }

func isStored(t *testing.T, c *cachet.Cache[string, string]) bool {
	t.Helper()
	_, ok, err := c.Peek(t.Context(), "k")
	require.NoError(t, err)
	return ok
}

// Between the commit and the end of the write, a reader sees v2. Nobody sees v1 after that.
func TestNobodyReadsTheOldVersionAfterSomebodyReadTheNewOne(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c, src, _ := cached(t, p, fenced)
		elsewhere := open(t, p, src.config(false))
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			for range 2 {
				require.Equal(t, "v1", get(t, c))
				require.Equal(t, "v1", get(t, elsewhere))
			}
			src.set("k", "v2")
			for range 2 {
				require.Equal(t, "v2", get(t, elsewhere))
				require.Equal(t, "v2", get(t, c))
				require.False(t, isStored(t, c), "something was stored under the fence")
			}
			return nil
		}))
		require.Equal(t, "v2", get(t, c))
		require.True(t, isStored(t, c))
	})
}

func TestWithoutAFenceTheOldVersionIsReadUntilTheWriteEnds(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c, src, _ := cached(t, p, nil)
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			src.set("k", "v2")
			require.Equal(t, "v1", get(t, c), "this is what a fence is for")
			return nil
		}))
		require.Equal(t, "v2", get(t, c))
	})
}

// Two writers overlap. The end of the first leaves the second's fence where it is.
func TestEndOfOneWriteLeavesTheFenceOfAnother(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c, src, _ := cached(t, p, fenced)
		elsewhere := open(t, p, cachet.Config[string, string]{Load: src.Load, Strategy: aside.Strategy{Fence: time.Minute}})
		inside, finish := make(chan struct{}), make(chan struct{})
		second := ask(func() (string, error) {
			return "", elsewhere.Update(t.Context(), "k", func(context.Context) error {
				close(inside)
				<-finish
				src.set("k", "v3")
				return nil
			})
		})
		receive(t, "the second writes", inside)
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		require.Equal(t, "v2", get(t, c))
		require.False(t, isStored(t, c), "the second writer's fence is lifted")
		require.NoError(t, c.Invalidate(t.Context(), "k"))
		require.Equal(t, "v2", get(t, c))
		require.False(t, isStored(t, c), "Invalidate lifts the fences of others")
		close(finish)
		require.NoError(t, receive(t, "the second", second).err)
		require.Equal(t, "v3", get(t, c))
		require.True(t, isStored(t, c))
	})
}

// At most one load per process at a time, however many read.
func TestReadersUnderAFenceShareLoads(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var now, peak, calls atomic.Int64
		c := open(t, p, cachet.Config[string, string]{
			Strategy: aside.Strategy{Fence: time.Minute},
			Load: func(context.Context, string) (string, error) {
				calls.Add(1)
				peak.Store(max(peak.Load(), now.Add(1)))
				defer now.Add(-1)
				time.Sleep(10 * time.Millisecond)
				return "v", nil
			},
		})
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			var done sync.WaitGroup
			for range 100 {
				done.Go(func() {
					v, err := c.Get(t.Context(), "k")
					assert.NoError(t, err)
					assert.Equal(t, "v", v)
				})
			}
			done.Wait()
			return nil
		}))
		require.EqualValues(t, 1, peak.Load())
		require.LessOrEqual(t, calls.Load(), int64(20))
	})
}

// A writer dies between its commit and its invalidation. Its fence lapses into a miss.
func TestFenceOfADeadWriterLapsesIntoAMiss(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c, src, _ := cached(t, p, nil)
		require.NoError(t, p.Fence(t.Context(), 7, 100*time.Millisecond, "test:k"))
		src.set("k", "v2")
		until(t, "what is read is stored again", func() bool {
			require.Equal(t, "v2", get(t, c))
			return isStored(t, c)
		})
	})
}

// A cache must not make a database read-only.
func TestFenceThatCannotBePlacedDoesNotStopTheWrite(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var log reports
		c, src, st := cached(t, p, func(cfg *cachet.Config[string, string]) {
			fenced(cfg)
			cfg.Hooks.Error = log.hook
		})
		st.fail(errStore)
		ran := 0
		err := c.Update(t.Context(), "k", func(context.Context) error {
			ran++
			src.set("k", "v2")
			return nil
		})
		var ierr *cachet.InvalidationError
		require.ErrorAs(t, err, &ierr)
		require.ErrorIs(t, err, errStore)
		require.NotErrorIs(t, err, cachet.ErrRefused)
		require.Equal(t, 1, ran)
		require.NotZero(t, c.Stats().FenceErrors)
		var ferr *cachet.FenceError
		require.ErrorAs(t, log.all()[0], &ferr)
		require.ErrorIs(t, ferr, errStore)
		st.fail(nil)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		require.Equal(t, "v2", get(t, c))
	})
}

// The store is back by the time of the invalidation: the write had no fence, and is invalidated.
func TestLostFenceAloneIsReportedAndNoError(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var log reports
		c, src, st := cached(t, p, func(cfg *cachet.Config[string, string]) {
			fenced(cfg)
			cfg.Hooks.Error = log.hook
		})
		st.fail(errStore)
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			st.fail(nil)
			src.set("k", "v2")
			return nil
		}))
		require.Equal(t, "v2", get(t, c))
		require.Len(t, log.all(), 1)
		require.EqualValues(t, 1, c.Stats().FenceErrors)
		require.Zero(t, c.Stats().InvalidationErrors)
	})
}

func TestStrictRefusesBeforeTheWrite(t *testing.T) {
	b := newBed(t)
	for name, how := range map[string]aside.Strategy{
		"with a fence": {Strict: true, Fence: time.Minute}, "without": {Strict: true}, "on probation": {Strict: true, ReplicaLag: 1},
	} {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				c, src, st := cached(t, p, func(cfg *cachet.Config[string, string]) { cfg.Strategy = how })
				st.fail(errStore)
				ran := false
				err := c.Update(t.Context(), "k", func(context.Context) error { ran = true; return nil })
				require.ErrorIs(t, err, cachet.ErrRefused)
				require.ErrorIs(t, err, errStore)
				var ierr *cachet.InvalidationError
				require.NotErrorAs(t, err, &ierr, "nothing was written")
				require.False(t, ran)
				require.Zero(t, c.Stats().Pending)
				require.Equal(t, "v1", get(t, c))

				err = c.Invalidate(t.Context(), "k") // written already: there is nothing to refuse
				require.ErrorAs(t, err, &ierr)
				require.EqualValues(t, 1, c.Stats().Pending)
				src.set("k", "v2")
				st.fail(nil)
				until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
				require.Equal(t, "v2", get(t, c))
			})
		})
	}
}

// Of three keys one cannot be fenced. The write is refused and the others' fences do not stay.
func TestStrictLeavesNoFenceBehindWhereItRefuses(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c, _, st := cached(t, p, func(cfg *cachet.Config[string, string]) {
			cfg.Strategy = aside.Strategy{Strict: true, Fence: time.Minute}
		})
		st.fail(errStore, "test:bad")
		err := c.UpdateMany(t.Context(), []string{"k", "bad"}, func(context.Context) error { panic("written") })
		require.ErrorIs(t, err, cachet.ErrRefused)
		require.Equal(t, "v1", get(t, c))
		require.True(t, isStored(t, c), "a fence stayed")
		st.fail(nil)
	})
}

// Within ReplicaLag after a write nothing is kept longer than to the end of it.
func TestWhatIsReadWithinReplicaLagIsKeptNoLongerThanThat(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		const lag = 2 * time.Second
		c, src, _ := cached(t, p, func(cfg *cachet.Config[string, string]) {
			cfg.Strategy = aside.Strategy{ReplicaLag: lag}
		})
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error { return nil }))
		time.Sleep(lag / 2)
		require.Equal(t, "v1", get(t, c), "the replica lags")
		require.True(t, isStored(t, c), "a hot key's readers go to the database")
		src.set("k", "v2")
		time.Sleep(lag/2 - time.Millisecond)
		require.Equal(t, "v1", get(t, c))
		time.Sleep(time.Millisecond)
		require.Equal(t, "v2", get(t, c))
		time.Sleep(time.Minute)
		require.True(t, isStored(t, c), "the probation does not end")
	})
}
