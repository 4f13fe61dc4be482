package cachet_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
)

func TestCloseWaitsUntilInvalidationsAreDelivered(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, src, st := cached(t, p, nil)
		st.fail(errStore)
		require.Error(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		const outage = 20 * time.Second
		time.AfterFunc(outage, func() { st.fail(nil) })
		start := time.Now()
		require.NoError(t, c.Close())
		require.GreaterOrEqual(t, time.Since(start), outage)
		require.LessOrEqual(t, time.Since(start), outage+3*time.Second)
		require.Equal(t, "v2", get(t, c))
		require.Zero(t, c.Stats().Pending)
	})
}

// Who closes as soon as the store is back does not wait for the pause between two attempts.
func TestCloseTriesAtOnce(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, src, st := cached(t, p, nil)
		st.fail(errStore)
		require.Error(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		st.fail(nil)
		start := time.Now()
		require.NoError(t, c.Close())
		require.LessOrEqual(t, time.Since(start), 100*time.Millisecond)
		require.Equal(t, "v2", get(t, c))
	})
}

func TestCloseReportsWhatItCouldNotDeliver(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		before := runtime.NumGoroutine()
		src := newSource(nil)
		st := count(p)
		c, err := cachet.New(st, cachet.Config[string, string]{Name: "test", Load: src.Load})
		require.NoError(t, err)
		st.fail(errStore)
		require.Error(t, c.UpdateMany(t.Context(), []string{"a", "b"}, src.write("a", "1")))
		start := time.Now()
		err = c.Close()
		require.Equal(t, 30*time.Second, time.Since(start))
		var ierr *cachet.InvalidationError
		require.ErrorAs(t, err, &ierr)
		require.ErrorIs(t, err, cachet.ErrClosed)
		require.Equal(t, "test", ierr.Cache)
		require.ElementsMatch(t, []string{"test:a", "test:b"}, ierr.Keys)
		require.Equal(t, err, c.Close(), "the second Close says something else")
		require.Equal(t, 30*time.Second, time.Since(start), "the second Close waits again")
		synctest.Wait()
		// One of an earlier test may have ended since.
		require.LessOrEqual(t, runtime.NumGoroutine(), before, "%s", stacks())
		attempts := st.attempts.Load()
		time.Sleep(time.Minute)
		require.Equal(t, attempts, st.attempts.Load())
	})
}

func TestCloseMayBeCalledOftenAndAtOnce(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c := open(t, p, newSource(map[string]string{"k": "v"}).config(false))
		require.Equal(t, "v", get(t, c))
		var done sync.WaitGroup
		for range 10 {
			done.Go(func() { assert.NoError(t, c.Close()) })
		}
		done.Wait()
		require.NoError(t, c.Close())
	})
}

func TestClosedCacheStillReadsAndWrites(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, src, st := cached(t, p, nil)
		require.NoError(t, c.Close())
		require.Equal(t, "v1", get(t, c))
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		require.Equal(t, "v2", get(t, c))
		require.NoError(t, c.Prime(t.Context(), map[string]string{"new": "v"}))
		m, err := c.GetMany(t.Context(), []string{"k", "new", "none"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"k": "v2", "new": "v"}, m)

		st.fail(errStore)
		err = c.Update(t.Context(), "k", src.write("k", "v3"))
		var ierr *cachet.InvalidationError
		require.ErrorAs(t, err, &ierr)
		require.ErrorIs(t, err, cachet.ErrClosed, "nobody will repeat it")
		require.ErrorIs(t, err, errStore)
		require.Zero(t, c.Stats().Pending)
		st.fail(nil)
		require.NoError(t, c.Invalidate(t.Context(), "k"))
		require.Equal(t, "v3", get(t, c))
	})
}

// A cache that was used in every way leaves no goroutine behind.
func TestCloseLeavesNoGoroutineBehind(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		before := runtime.NumGoroutine()
		src := newSource(rows("a", "b", "c"))
		st := &tapped{Store: p}
		cfg := lasting(src, true)
		cfg.Name, cfg.EarlyRefresh = "test", 1
		c, err := cachet.New(st, cfg)
		require.NoError(t, err)
		for range 3 {
			_, err = c.GetMany(t.Context(), []string{"a", "b", "c", "none"})
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		held := src.hold(t, src.count()+1)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = c.Get(ctx, "d")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		held.awaitRead(t)
		st.fail(errStore)
		for i := range 10 {
			require.Error(t, c.Invalidate(t.Context(), fmt.Sprint(i)))
		}
		st.fail(nil)
		require.NoError(t, c.Close())
		synctest.Wait()
		// One of an earlier test may have ended since.
		require.LessOrEqual(t, runtime.NumGoroutine(), before, "%s", stacks())
	})
}

func stacks() []byte {
	buf := make([]byte, 1<<20)
	return buf[:runtime.Stack(buf, true)]
}
