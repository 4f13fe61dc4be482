package doubledelete_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

var _ cachet.Strategy = (*doubledelete.Strategy)(nil)

// replica is a database whose readers see a write only after lag.
type replica struct {
	lag     time.Duration
	value   atomic.Pointer[string]
	replied atomic.Pointer[string]
}

func (r *replica) set(v string) {
	r.value.Store(&v)
	time.AfterFunc(r.lag, func() { r.replied.Store(&v) })
}

func (r *replica) load(context.Context, string) (string, error) { return *r.replied.Load(), nil }

// lagging returns a cache over a replica that is 400 ms behind, and holds v1.
func lagging(t *testing.T, s cachet.Strategy) (*cachet.Cache[string, string], *replica) {
	t.Helper()
	r := &replica{lag: 400 * time.Millisecond}
	r.set("v1")
	time.Sleep(time.Second)
	c, err := cachet.New(memstore.New(), cachet.Config[string, string]{Name: "test", Load: r.load, Strategy: s})
	require.NoError(t, err)
	get(t, c, "v1")
	return c, r
}

func get(t *testing.T, c *cachet.Cache[string, string], want string) {
	t.Helper()
	v, err := c.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, want, v)
}

func TestWhatALaggingReplicaFilledAfterTheWriteEndsWithTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r := lagging(t, doubledelete.New(doubledelete.Options{Delay: 500 * time.Millisecond}))
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error { r.set("v2"); return nil }))
		get(t, c, "v1") // stored, under a lease that is good
		time.Sleep(490 * time.Millisecond)
		get(t, c, "v1")
		time.Sleep(20 * time.Millisecond)
		get(t, c, "v2")
		require.NoError(t, c.Close())
	})
}

// This is what the delayed delete is for.
func TestWithoutTheDelayedDeleteItStaysForTheTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r := lagging(t, aside.Strategy{})
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error { r.set("v2"); return nil }))
		get(t, c, "v1")
		time.Sleep(time.Minute)
		get(t, c, "v1")
		require.NoError(t, c.Close())
	})
}

// The delayed delete alone is a bet on how long a load takes. R: reads v1 → W: commits v2, DEL, and DEL again after the delay
// → R: fills v1. By then its lease is long gone.
func TestALoadThatOutlastsTheDelayStoresNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var value atomic.Pointer[string]
		set := func(v string) { value.Store(&v) }
		set("v1")
		c, err := cachet.New(memstore.New(), cachet.Config[string, string]{
			Name: "test",
			Load: func(context.Context, string) (string, error) {
				v := *value.Load()
				time.Sleep(2 * time.Second)
				return v, nil
			},
			Strategy: doubledelete.New(doubledelete.Options{Delay: 500 * time.Millisecond}),
		})
		require.NoError(t, err)
		early := make(chan string)
		go func() {
			v, _ := c.Get(t.Context(), "k")
			early <- v
		}()
		time.Sleep(time.Second)
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error { set("v2"); return nil }))
		require.Equal(t, "v1", <-early, "who came before the write may have it")
		_, ok, err := c.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, ok)
		get(t, c, "v2")
		require.NoError(t, c.Close())
	})
}

func TestTheCacheClosesItsStrategyAndWaitsForTheDelayedDelete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, r := lagging(t, doubledelete.New(doubledelete.Options{Delay: 5 * time.Second}))
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error { r.set("v2"); return nil }))
		get(t, c, "v1")
		begin := time.Now()
		require.NoError(t, c.Close())
		require.Equal(t, 5*time.Second, time.Since(begin))
		get(t, c, "v2")
	})
}

// unreachable is a store that cannot be invalidated for a while.
type unreachable struct {
	store.Store
	off atomic.Bool
}

func (u *unreachable) Invalidate(ctx context.Context, keys ...string) error {
	if u.off.Load() {
		return errStore
	}
	return u.Store.Invalidate(ctx, keys...)
}

// The retry that Close waits for is a write like any other, and its delayed delete is made too.
func TestClosingWaitsForRetriesAndTheirDelayedDeletes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &replica{}
		r.set("v1")
		time.Sleep(time.Second)
		st := &unreachable{Store: memstore.New()}
		c, err := cachet.New(st, cachet.Config[string, string]{
			Name:     "test",
			Load:     r.load,
			Strategy: doubledelete.New(doubledelete.Options{Delay: 5 * time.Second}),
		})
		require.NoError(t, err)
		get(t, c, "v1")
		st.off.Store(true)
		require.ErrorIs(t, c.Update(t.Context(), "k", func(context.Context) error { r.set("v2"); return nil }), errStore)
		time.AfterFunc(3*time.Second, func() { st.off.Store(false) })
		begin := time.Now()
		require.NoError(t, c.Close())
		require.GreaterOrEqual(t, time.Since(begin), 8*time.Second)
		require.Less(t, time.Since(begin), 10*time.Second)
		get(t, c, "v2")
	})
}

func TestADelayThatMakesNoSenseIsRefusedByTheCache(t *testing.T) {
	_, err := cachet.New(memstore.New(), cachet.Config[string, string]{
		Name:     "test",
		Load:     func(context.Context, string) (string, error) { return "", nil },
		Strategy: doubledelete.New(doubledelete.Options{Delay: -time.Second}),
	})
	require.ErrorContains(t, err, "Options.Delay is negative")
}
