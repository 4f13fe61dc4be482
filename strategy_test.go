package cachet_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

// strategyFunc is a Strategy of the user's.
type strategyFunc func(ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error) error

func (f strategyFunc) Write(
	ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
) error {
	return f(ctx, inv, keys, write)
}

func under(how strategyFunc) func(*cachet.Config[string, string]) {
	return func(cfg *cachet.Config[string, string]) { cfg.Strategy = how }
}

// patched runs a write that sets k to v2 under a strategy.
func patched(t *testing.T, how strategyFunc, werr error) (*cachet.Cache[string, string], error) {
	t.Helper()

	c, src, _ := cached(t, place{Store: memstore.New()}, under(how))
	err := c.Update(t.Context(), "k", func(context.Context) error {
		src.set("k", "v2")
		return werr
	})
	return c, err
}

func TestStrategyThatSwallowsTheErrorOfTheWriteDoesNotHideIt(t *testing.T) {
	c, err := patched(t, func(ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error) error {
		_ = write(ctx)
		return inv.Invalidate(ctx, keys...)
	}, errWrite)
	require.Equal(t, errWrite, err)
	require.Equal(t, "v2", get(t, c))
}

func TestStrategyThatJoinsTheErrorOfTheWriteWithNothingReturnsItAsItIs(t *testing.T) {
	_, err := patched(t, func(ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error) error {
		err := write(ctx)
		if ierr := inv.Invalidate(ctx, keys...); ierr != nil {
			return errors.Join(err, ierr)
		}
		return err
	}, errWrite)
	require.Equal(t, errWrite, err)
}

// What a strategy says otherwise is taken for a failed invalidation: it is repeated, which does no harm.
func TestStrategyThatReturnsAnotherErrorHasFailedToInvalidate(t *testing.T) {
	errOdd := errors.New("odd")
	for name, how := range map[string]strategyFunc{
		"of its own": func(ctx context.Context, _ store.Invalidator, _ []string, write func(context.Context) error) error {
			return errors.Join(write(ctx), errOdd)
		},
		"wrapped": func(ctx context.Context, _ store.Invalidator, _ []string, write func(context.Context) error) error {
			if err := write(ctx); err != nil {
				return fmt.Errorf("write: %w, then: %w", err, errOdd)
			}
			return fmt.Errorf("then: %w", errOdd)
		},
		"with no keys": func(ctx context.Context, _ store.Invalidator, _ []string, write func(context.Context) error) error {
			return errors.Join(write(ctx), &store.KeysError{Err: errOdd})
		},
	} {
		for _, werr := range []error{nil, errWrite} {
			t.Run(fmt.Sprint(name, werr), func(t *testing.T) {
				newBed(t).memory(t, func(t *testing.T, p place) {
					var healthy atomic.Bool
					c, src, _ := cached(t, p, under(func(
						ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
					) error {
						if healthy.Load() {
							return errors.Join(write(ctx), inv.Invalidate(ctx, keys...))
						}
						return how(ctx, inv, keys, write)
					}))
					err := c.Update(t.Context(), "k", func(context.Context) error { src.set("k", "v2"); return werr })
					var ierr *cachet.InvalidationError
					require.ErrorAs(t, err, &ierr)
					require.ErrorIs(t, err, errOdd)
					require.Equal(t, []string{"test:k"}, ierr.Keys)
					if werr != nil {
						require.ErrorIs(t, err, werr)
					}
					require.EqualValues(t, 1, c.Stats().Pending)
					healthy.Store(true)
					until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
					require.Equal(t, "v2", get(t, c))
				})
			})
		}
	}
}

func TestStrategyThatDoesNotRunTheWriteIsFoundOut(t *testing.T) {
	ran := false
	c := open(t, memstore.New(), cachet.Config[string, string]{
		Load: newSource(nil).Load,
		Strategy: strategyFunc(func(ctx context.Context, inv store.Invalidator, keys []string, _ func(context.Context) error) error {
			return inv.Invalidate(ctx, keys...)
		}),
	})
	err := c.Update(t.Context(), "k", func(context.Context) error { ran = true; return nil })
	require.ErrorContains(t, err, "did not run")
	require.False(t, ran)
	var ierr *cachet.InvalidationError
	require.NotErrorAs(t, err, &ierr)
}

func TestStrategyThatRefusesIsHeard(t *testing.T) {
	errNo := errors.New("not today")
	c, err := patched(t, func(context.Context, store.Invalidator, []string, func(context.Context) error) error {
		return errNo
	}, nil)
	require.Equal(t, errNo, err)
	require.Equal(t, "v1", get(t, c))
	require.Zero(t, c.Stats().Pending)
}

func TestStrategyThatRunsTheWriteTwiceRunsItOnce(t *testing.T) {
	for _, werr := range []error{nil, errWrite} {
		ran := 0
		c, _, _ := cached(t, place{Store: memstore.New()}, under(func(
			ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
		) error {
			first, second := write(ctx), write(ctx)
			require.Equal(t, first, second)
			if ierr := inv.Invalidate(ctx, keys...); ierr != nil {
				return ierr
			}
			return second
		}))
		err := c.Update(t.Context(), "k", func(context.Context) error { ran++; return werr })
		require.Equal(t, werr, err)
		require.Equal(t, 1, ran)
	}
}

// A panic of the strategy itself is the caller's, and the keys are invalidated later.
func TestStrategyThatPanicsLosesNoInvalidation(t *testing.T) {
	for _, first := range []bool{false, true} {
		t.Run(fmt.Sprint("before the write: ", first), func(t *testing.T) {
			newBed(t).memory(t, func(t *testing.T, p place) {
				calls := 0
				c, src, _ := cached(t, p, under(func(
					ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
				) error {
					calls++
					if calls == 1 {
						if !first {
							_ = write(ctx)
						}
						panic("strategy")
					}
					return errors.Join(write(ctx), inv.Invalidate(ctx, keys...))
				}))
				require.PanicsWithValue(t, "strategy", func() {
					_ = c.Update(t.Context(), "k", func(context.Context) error { return nil })
				})
				src.set("k", "v2")
				until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
				require.Equal(t, "v2", get(t, c))
				require.Equal(t, 2, calls)
			})
		})
	}
}

// A strategy that recovers from the write's panic may have hidden it, but not what may have been written.
func TestStrategyThatSwallowsThePanicOfTheWriteHasNotSucceeded(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, src, _ := cached(t, p, under(func(
			ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
		) (err error) {
			defer func() { _ = recover() }()
			return errors.Join(write(ctx), inv.Invalidate(ctx, keys...))
		}))
		a := receive(t, "the writer", ask(func() (string, error) {
			return "", c.Update(t.Context(), "k", func(context.Context) error { src.set("k", "v2"); panic("boom") })
		}))
		require.True(t, a.err != nil || a.panic != nil, "Update returned nil")
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		require.Equal(t, "v2", get(t, c))
	})
}

// closing is a strategy that has something to close.
type closing struct {
	strategyFunc
	err    error
	closed int
}

func (s *closing) Close(ctx context.Context) error {
	s.closed++
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 30*time.Second {
		return errors.New("it may take for ever")
	}
	return s.err
}

func TestStrategyIsClosedWithItsCache(t *testing.T) {
	for _, want := range []error{nil, errStore} {
		s := &closing{err: want}
		c, err := cachet.New(memstore.New(), cachet.Config[string, string]{Name: "test", Load: newSource(nil).Load, Strategy: s})
		require.NoError(t, err)
		for range 2 {
			require.ErrorIs(t, c.Close(), want)
		}
		require.Equal(t, 1, s.closed)
	}
}

// The invalidator that a strategy is given does not end with the caller, and has a limit of its own.
func TestStrategysInvalidatorIsDetachedAndBounded(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		seen := &deadlines{Store: p}
		c := open(t, seen, cachet.Config[string, string]{
			Load: newSource(nil).Load,
			Strategy: strategyFunc(func(
				ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
			) error {
				ended, cancel := context.WithCancel(ctx)
				cancel()
				require.ErrorIs(t, inv.Fence(ended, 1, time.Second, keys...), context.Canceled, "the write has not begun")
				return errors.Join(write(ctx), inv.Invalidate(ended, keys...), inv.Lift(ended, 1, 0, keys...))
			}),
		})
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error { return nil }))
		require.Len(t, seen.left, 2)
		for _, left := range seen.left {
			require.Positive(t, left)
			require.LessOrEqual(t, left, 10*time.Second)
		}
	})
}

// deadlines notes how much time invalidations are given.
type deadlines struct {
	store.Store
	left []time.Duration
}

func (d *deadlines) note(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	d.left = append(d.left, time.Until(deadline))
}

func (d *deadlines) Invalidate(ctx context.Context, keys ...string) error {
	d.note(ctx)
	return d.Store.Invalidate(ctx, keys...)
}

func (d *deadlines) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	d.note(ctx)
	return d.Store.Lift(ctx, token, probation, keys...)
}
