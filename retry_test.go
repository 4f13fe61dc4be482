package cachet_test

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store"
)

// counted counts the attempts to invalidate, and can hold one back after it was executed.
type counted struct {
	tapped
	attempts atomic.Int64
	done     atomic.Pointer[tap]
}

func (s *counted) Invalidate(ctx context.Context, keys ...string) error {
	s.attempts.Add(1)
	err := s.tapped.Invalidate(ctx, keys...)
	s.done.Swap(nil).stop()
	return err
}

func count(p place) *counted {
	s := new(counted)
	s.Store = p
	return s
}

func TestFailedInvalidationIsRepeatedUntilItSucceeds(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		st := count(p)
		src := newSource(map[string]string{"a": "1", "b": "1", "c": "1"})
		c := open(t, st, src.config(true))
		keys := []string{"a", "b", "c"}
		_, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		st.fail(errStore)
		for _, key := range keys {
			require.Error(t, c.Update(t.Context(), key, src.write(key, "2")))
		}
		require.EqualValues(t, 3, c.Stats().Pending)
		st.attempts.Store(0)
		time.Sleep(20 * time.Second)
		require.EqualValues(t, 3, c.Stats().Pending)
		require.InDelta(t, 30, st.attempts.Load(), 20, "it pauses too long, or not at all")

		st.fail(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		require.Zero(t, c.Stats().Pending)
		require.EqualValues(t, 3, c.Stats().Retried)
		m, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "2", "b": "2", "c": "2"}, m)
		attempts := st.attempts.Load()
		time.Sleep(time.Minute)
		require.Equal(t, attempts, st.attempts.Load(), "it goes on")
	})
}

func TestRetryKeepsOnlyWhatStillFails(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, src, st := cached(t, p, nil)
		st.fail(errStore)
		require.Error(t, c.UpdateMany(t.Context(), []string{"k", "bad"}, src.write("k", "v2")))
		st.fail(errStore, "test:bad")
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 1, c.Stats().Pending)
		require.Equal(t, "v2", get(t, c))
		hits := c.Stats().Hits
		time.Sleep(10 * time.Second)
		require.Equal(t, "v2", get(t, c))
		require.Equal(t, hits+1, c.Stats().Hits, "what succeeded is repeated")
		st.fail(nil)
	})
}

// When no copy can be alive any more there is nothing to invalidate.
func TestRetryEndsWhenNoCopyCanBeAlive(t *testing.T) {
	tests := map[string]struct {
		change func(*cachet.Config[string, string])
		life   time.Duration
	}{
		"TTL":         {func(*cachet.Config[string, string]) {}, 10 * time.Minute},
		"StaleTTL":    {func(c *cachet.Config[string, string]) { c.StaleTTL = time.Hour }, 70 * time.Minute},
		"NotFoundTTL": {func(c *cachet.Config[string, string]) { c.NotFoundTTL = time.Hour }, time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			newBed(t).memory(t, func(t *testing.T, p place) {
				c, src, st := cached(t, p, func(cfg *cachet.Config[string, string]) {
					cfg.TTL = 10 * time.Minute
					test.change(cfg)
				})
				st.fail(errStore)
				require.Error(t, c.Update(t.Context(), "k", src.write("k", "v2")))
				time.Sleep(test.life)
				require.EqualValues(t, 1, c.Stats().Pending, "it gave up while a copy could be alive")
				time.Sleep(time.Minute)
				require.Zero(t, c.Stats().Pending)
				require.NoError(t, c.Close())
			})
		})
	}
}

// Another process may have been told any TTL by its TTLFor.
func TestRetryDoesNotEndWhereTTLForMayHaveSaidAnything(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, src, st := cached(t, p, func(cfg *cachet.Config[string, string]) {
			cfg.TTLFor = func(string, string) time.Duration { return time.Second }
		})
		st.fail(errStore)
		require.Error(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		time.Sleep(24 * time.Hour)
		require.EqualValues(t, 1, c.Stats().Pending)
		st.fail(nil)
		require.NoError(t, c.Close())
	})
}

// "For ever" is a long time to a retry, too.
func TestRetryDoesNotEndWhereRecordsAreKeptForEver(t *testing.T) {
	b := newBed(t)
	for name, change := range map[string]func(*cachet.Config[string, string]){
		"TTL":         func(cfg *cachet.Config[string, string]) { cfg.TTL = math.MaxInt64 },
		"StaleTTL":    func(cfg *cachet.Config[string, string]) { cfg.StaleTTL = math.MaxInt64 },
		"NotFoundTTL": func(cfg *cachet.Config[string, string]) { cfg.NotFoundTTL = math.MaxInt64 },
		"LoadTimeout": func(cfg *cachet.Config[string, string]) { cfg.LoadTimeout = math.MaxInt64 },
		"all": func(cfg *cachet.Config[string, string]) {
			cfg.TTL, cfg.StaleTTL, cfg.NotFoundTTL = math.MaxInt64, math.MaxInt64, math.MaxInt64
		},
	} {
		t.Run(name, func(t *testing.T) {
			b.memory(t, func(t *testing.T, p place) {
				c, src, st := cached(t, p, change)
				st.fail(errStore)
				require.Error(t, c.Update(t.Context(), "k", src.write("k", "v2")))
				time.Sleep(24 * time.Hour)
				require.EqualValues(t, 1, c.Stats().Pending)
				st.fail(nil)
				require.NoError(t, c.Close())
				require.Equal(t, "v2", get(t, c))
			})
		})
	}
}

// An attempt is under way, and has deleted v1. v2 is loaded and stored. The invalidation after v3 fails. That
// the attempt succeeds does not mean that v2 is gone.
func TestSuccessOfAnAttemptDoesNotAnswerAFailureThatCameMeanwhile(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		st := count(p)
		src := newSource(map[string]string{"k": "v1"})
		c := open(t, st, src.config(false))
		require.Equal(t, "v1", get(t, c))
		st.fail(errStore)
		require.Error(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		st.fail(nil)
		attempt := tapNext(&st.done)
		receive(t, "an attempt is executed", attempt.executed)
		require.Equal(t, "v2", get(t, c))
		st.fail(errStore)
		require.Error(t, c.Update(t.Context(), "k", src.write("k", "v3")))
		st.fail(nil)
		close(attempt.pass)
		until(t, "it is repeated", func() bool { return c.Stats().Pending == 0 })
		require.Equal(t, "v3", get(t, c))
	})
}

func TestRetryQueueIsBounded(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		st := count(p)
		c := open(t, st, newSource(nil).config(false))
		st.fail(errStore)
		keys := make([]string, 70_000)
		for i := range keys {
			keys[i] = fmt.Sprint(i)
		}
		err := c.Invalidate(t.Context(), keys...)
		require.ErrorIs(t, err, cachet.ErrRetryFull)
		var ierr *cachet.InvalidationError
		require.ErrorAs(t, err, &ierr)
		require.Len(t, ierr.Keys, len(keys))
		require.Less(t, len(err.Error()), 1000, "the message names them all")
		require.EqualValues(t, 1<<16, c.Stats().Pending)
		require.NotErrorIs(t, c.Invalidate(t.Context(), "0"), cachet.ErrRetryFull, "it waits already")
		require.ErrorIs(t, c.Invalidate(t.Context(), "new"), cachet.ErrRetryFull)
		st.fail(nil)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		require.NotErrorIs(t, c.Invalidate(t.Context(), "new"), cachet.ErrRetryFull)
	})
}

// hanging is a store that does not answer invalidations before their time is over.
type hanging struct{ store.Store }

func (hanging) Invalidate(ctx context.Context, _ ...string) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestInvalidationThatHangsIsBounded(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, err := cachet.New(hanging{p}, cachet.Config[string, string]{Name: "test", Load: newSource(nil).Load})
		require.NoError(t, err)
		start := time.Now()
		err = c.Invalidate(t.Context(), "k")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.LessOrEqual(t, time.Since(start), 5*time.Second)
		start = time.Now()
		require.Error(t, c.Close())
		require.Equal(t, 30*time.Second, time.Since(start))
		time.Sleep(10 * time.Second) // an attempt may be under way
	})
}
