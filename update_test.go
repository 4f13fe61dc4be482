package cachet_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/store"
)

var (
	errWrite = errors.New("write failed")
	errStore = errors.New("the store is down")
)

// cached returns a cache that holds k as v1, and what it stands on.
func cached(t *testing.T, p place, change func(*cachet.Config[string, string])) (
	*cachet.Cache[string, string], *source, *tapped,
) {
	t.Helper()
	src := newSource(map[string]string{"k": "v1"})
	cfg := src.config(false)
	if change != nil {
		change(&cfg)
	}
	st := &tapped{Store: p}
	c := open(t, st, cfg)
	_, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	return c, src, st
}

func get(t *testing.T, c *cachet.Cache[string, string]) string {
	t.Helper()
	v, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	return v
}

// each strategy, over each store.
func underEachStrategy(t *testing.T, test func(t *testing.T, p place, change func(*cachet.Config[string, string]))) {
	t.Helper()
	b := newBed(t)
	for name, how := range strategies {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				test(t, p, func(cfg *cachet.Config[string, string]) { cfg.Strategy = how })
			})
		})
	}
}

func TestUpdateRunsTheWriteOnceAndInvalidates(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		c, src, _ := cached(t, p, change)
		type ctxKey struct{}
		ran := 0
		require.NoError(t, c.Update(context.WithValue(t.Context(), ctxKey{}, 7), "k", func(ctx context.Context) error {
			ran++
			require.Equal(t, 7, ctx.Value(ctxKey{}), "it is not the caller's context")
			src.set("k", "v2")
			return nil
		}))
		require.Equal(t, 1, ran)
		require.Equal(t, "v2", get(t, c))
		require.Equal(t, "v2", get(t, c))
	})
}

// An error does not prove that nothing was committed.
func TestFailedWriteIsReturnedAsItIsAfterInvalidating(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		for _, werr := range []error{
			errWrite, context.Canceled, cachet.ErrNotFound, &store.KeysError{Keys: []string{"x"}, Err: errStore},
			errors.Join(errWrite, errStore),
		} {
			c, src, _ := cached(t, p, change)
			err := c.Update(t.Context(), "k", func(context.Context) error {
				src.set("k", "v2")
				return werr
			})
			require.Equal(t, werr, err)
			var ierr *cachet.InvalidationError
			require.NotErrorAs(t, err, &ierr)
			require.Equal(t, "v2", get(t, c))
			require.Zero(t, c.Stats().InvalidationErrors)
			require.NoError(t, c.Invalidate(t.Context(), "k"))
		}
	})
}

func TestWriteWithoutInvalidationIsAnInvalidationErrorThatNamesTheKeys(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, src, st := cached(t, p, nil)
		st.fail(errStore)
		err := c.UpdateMany(t.Context(), []string{"k", "l", "k"}, src.write("k", "v2"))
		var ierr *cachet.InvalidationError
		require.ErrorAs(t, err, &ierr)
		require.ErrorIs(t, err, errStore)
		require.Equal(t, "test", ierr.Cache)
		require.ElementsMatch(t, []string{"test:k", "test:l"}, ierr.Keys)
		require.EqualValues(t, 1, c.Stats().InvalidationErrors)
		require.ErrorContains(t, err, "test:k")

		err = c.Invalidate(t.Context(), "m")
		require.ErrorAs(t, err, &ierr)
		require.Equal(t, []string{"test:m"}, ierr.Keys)
		require.EqualValues(t, 3, c.Stats().Pending)
		st.fail(nil)
	})
}

func TestInvalidationErrorNamesOnlyTheKeysThatFailed(t *testing.T) {
	b := newBed(t)
	for name, werr := range map[string]error{"written": nil, "write failed": errWrite} {
		t.Run(name, func(t *testing.T) {
			b.memory(t, func(t *testing.T, p place) {
				c, _, st := cached(t, p, nil)
				st.fail(errStore, "test:b")
				err := c.UpdateMany(t.Context(), []string{"a", "b", "c"}, func(context.Context) error { return werr })
				var ierr *cachet.InvalidationError
				require.ErrorAs(t, err, &ierr)
				require.Equal(t, []string{"test:b"}, ierr.Keys)
				require.EqualValues(t, 1, c.Stats().Pending)
				if werr != nil {
					require.ErrorIs(t, err, werr)
				}
				st.fail(nil)
			})
		})
	}
}

func TestFailedWriteAndFailedInvalidationAreBothInTheError(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		c, src, st := cached(t, p, func(cfg *cachet.Config[string, string]) {
			change(cfg)
			if s, ok := cfg.Strategy.(aside.Strategy); ok {
				s.Strict = false // which would refuse the write
				cfg.Strategy = s
			}
		})
		st.fail(errStore)
		err := c.Update(t.Context(), "k", func(context.Context) error {
			src.set("k", "v2")
			return errWrite
		})
		require.ErrorIs(t, err, errWrite)
		require.ErrorIs(t, err, errStore)
		var ierr *cachet.InvalidationError
		require.ErrorAs(t, err, &ierr)
		require.Equal(t, []string{"test:k"}, ierr.Keys)
		st.fail(nil)
		until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
		require.Equal(t, "v2", get(t, c))
	})
}

func TestPanicOfAWriteIsRaisedAsItWasAfterInvalidating(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		type odd struct{ n int }
		c, src, _ := cached(t, p, change)
		require.PanicsWithValue(t, odd{7}, func() {
			_ = c.Update(t.Context(), "k", func(context.Context) error {
				src.set("k", "v2")
				panic(odd{7})
			})
		})
		require.Equal(t, "v2", get(t, c))
		until(t, "nothing is left to do", func() bool { return c.Stats().Pending == 0 })
		until(t, "its fence is gone, and what is read is stored", func() bool {
			require.Equal(t, "v2", get(t, c))
			_, ok, err := c.Peek(t.Context(), "k")
			require.NoError(t, err)
			return ok
		})
	})
}

func TestGoexitOfAWriteInvalidates(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		c, src, _ := cached(t, p, change)
		a := receive(t, "the writer ends", ask(func() (string, error) {
			return "", c.Update(t.Context(), "k", func(context.Context) error {
				src.set("k", "v2")
				runtime.Goexit()
				return nil
			})
		}))
		require.Nil(t, a.panic)
		require.ErrorContains(t, a.err, "the goroutine ended")
		require.Equal(t, "v2", get(t, c))
	})
}

// Where the write panics and the invalidation fails, nobody can be told. It is repeated all the same.
func TestPanicOfAWriteIsNoWayAroundTheRetry(t *testing.T) {
	b := newBed(t)
	ends := map[string]func(){"panic": func() { panic("boom") }, "Goexit": runtime.Goexit}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			b.memory(t, func(t *testing.T, p place) {
				c, src, st := cached(t, p, nil)
				st.fail(errStore)
				receive(t, "the writer ends", ask(func() (string, error) {
					return "", c.Update(t.Context(), "k", func(context.Context) error { src.set("k", "v2"); end(); return nil })
				}))
				require.EqualValues(t, 1, c.Stats().Pending)
				st.fail(nil)
				until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
				require.Equal(t, "v2", get(t, c))
			})
		})
	}
}

func TestInvalidationDoesNotEndWithItsCallersContext(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		c, src, _ := cached(t, p, change)
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, c.Update(ctx, "k", func(ctx context.Context) error {
			src.set("k", "v2")
			cancel()
			return nil
		}))
		require.Equal(t, "v2", get(t, c))

		src.set("k", "v3")
		err := c.Invalidate(ctx, "k") // a cancelled caller
		if err == nil {
			require.Equal(t, "v3", get(t, c))
		} else {
			until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
			require.Equal(t, "v3", get(t, c))
		}
	})
}

func TestUpdateManyWithoutKeysRunsTheWrite(t *testing.T) {
	c := open(t, nothing{}, newSource(nil).config(true))
	ran := 0
	require.NoError(t, c.UpdateMany(t.Context(), nil, func(context.Context) error { ran++; return nil }))
	require.Equal(t, 1, ran)
	err := c.UpdateMany(t.Context(), []string{}, func(context.Context) error { ran++; return errWrite })
	require.Equal(t, errWrite, err)
	require.Equal(t, 2, ran)
}

func TestInvalidateOfNothingDoesNothing(t *testing.T) {
	c := open(t, nothing{}, newSource(nil).config(true))
	require.NoError(t, c.Invalidate(t.Context()))
	require.Zero(t, c.Stats())
}

func TestUpdateManyInvalidatesAllItsKeysAndNoOther(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		src := newSource(rows("a", "b", "c"))
		cfg := src.config(true)
		change(&cfg)
		c := open(t, p, cfg)
		keys := []string{"a", "b", "c"}
		_, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		require.NoError(t, c.UpdateMany(t.Context(), []string{"a", "b", "a"}, func(context.Context) error {
			for _, k := range keys {
				src.set(k, "new")
			}
			return nil
		}))
		m, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		require.Equal(t, map[string]string{"a": "new", "b": "new", "c": "vc"}, m)
	})
}

// Within a write the cache may be read, also of the key that is being written.
func TestWriteMayReadThroughTheCache(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		c, src, _ := cached(t, p, change)
		start := time.Now()
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			require.Equal(t, "v1", get(t, c))
			src.set("k", "v2")
			require.Contains(t, []string{"v1", "v2"}, get(t, c))
			return nil
		}))
		require.Less(t, time.Since(start), p.about(50*time.Millisecond))
		require.Equal(t, "v2", get(t, c))
	})
}

// Writers of one key do not wait for one another.
func TestUpdatesOfOneKeyAreNotSerialized(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		c, src, _ := cached(t, p, change)
		var inside atomic.Int64
		all := make(chan struct{})
		var writes []<-chan answer
		for range 3 {
			writes = append(writes, ask(func() (string, error) {
				return "", c.Update(t.Context(), "k", func(context.Context) error {
					if inside.Add(1) == 3 {
						close(all)
					}
					<-all
					src.set("k", "v2")
					return nil
				})
			}))
		}
		for _, w := range writes {
			require.NoError(t, receive(t, "a writer", w).err)
		}
		require.Equal(t, "v2", get(t, c))
	})
}
