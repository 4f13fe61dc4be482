package cachet_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/codec"
)

func TestPrimeStoresWhatNothingIsKnownOf(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(nil)
		c := open(t, p, src.config(true))
		require.NoError(t, c.Prime(t.Context(), rows("a", "b", "c")))
		m, err := c.GetMany(t.Context(), []string{"a", "b", "c"})
		require.NoError(t, err)
		require.Equal(t, rows("a", "b", "c"), m)
		require.Zero(t, src.count())
	})
}

func TestPrimeOfNothingDoesNothing(t *testing.T) {
	c := open(t, nothing{}, newSource(nil).config(true))
	require.NoError(t, c.Prime(t.Context(), nil))
	require.NoError(t, c.Prime(t.Context(), map[string]string{}))
}

// Prime knows less than anything that the cache has, is loading or is told to wait for.
func TestPrimeLeavesAloneWhatTheCacheKnows(t *testing.T) {
	primed := map[string]string{"k": "primed"}
	prime := func(t *testing.T, c *cachet.Cache[string, string]) {
		t.Helper()
		start := time.Now()
		require.NoError(t, c.Prime(t.Context(), primed))
		require.Less(t, time.Since(start), 500*time.Millisecond, "it waited")
	}
	b := newBed(t)
	t.Run("a record", func(t *testing.T) {
		b.each(t, func(t *testing.T, p place) {
			c := open(t, p, newSource(map[string]string{"k": "v1"}).config(false))
			_, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			prime(t, c)
			allRead(t, "v1", joins(t.Context(), c))
		})
	})
	t.Run("a stale record", func(t *testing.T) {
		b.each(t, func(t *testing.T, p place) {
			src := newSource(map[string]string{"k": "v1"})
			c := open(t, p, lasting(src, false))
			_, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			awaitStale(t, c, "k")
			prime(t, c)
			e, ok, err := c.Peek(t.Context(), "k")
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, "v1", e.Value)
		})
	})
	t.Run("an absence", func(t *testing.T) {
		b.each(t, func(t *testing.T, p place) {
			c := open(t, p, newSource(nil).config(false))
			_, err := c.Get(t.Context(), "k")
			require.Equal(t, cachet.ErrNotFound, err)
			prime(t, c)
			_, err = c.Get(t.Context(), "k")
			require.Equal(t, cachet.ErrNotFound, err)
		})
	})
	t.Run("a load", func(t *testing.T) {
		b.each(t, func(t *testing.T, p place) {
			src := newSource(map[string]string{"k": "v1"})
			load := src.hold(t, 1)
			c := open(t, p, src.config(false))
			first := reader(t.Context(), c, "k")
			load.awaitRead(t)
			prime(t, c)
			load.resume()
			allRead(t, "v1", []<-chan answer{first})
			require.Zero(t, c.Stats().Refused, "Prime took the lease away")
			allRead(t, "v1", joins(t.Context(), c))
		})
	})
	t.Run("a fence", func(t *testing.T) {
		b.each(t, func(t *testing.T, p place) {
			src := newSource(map[string]string{"k": "v1"})
			cfg := src.config(false)
			cfg.Strategy = aside.Strategy{Fence: time.Minute}
			c := open(t, p, cfg)
			require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error { prime(t, c); return nil }))
			allRead(t, "v1", joins(t.Context(), c))
		})
	})
	t.Run("a probation", func(t *testing.T) {
		b.each(t, func(t *testing.T, p place) {
			src := newSource(map[string]string{"k": "v1"})
			cfg := src.config(false)
			cfg.Strategy = aside.Strategy{ReplicaLag: time.Minute}
			c := open(t, p, cfg)
			require.NoError(t, c.Invalidate(t.Context(), "k"))
			prime(t, c)
			_, ok, err := c.Peek(t.Context(), "k")
			require.NoError(t, err)
			require.False(t, ok)
			start := time.Now()
			allRead(t, "v1", []<-chan answer{reader(t.Context(), c, "k")})
			require.Less(t, time.Since(start), p.about(50*time.Millisecond), "Prime left its lease behind")
		})
	})
}

// Prime asks for its leases, a write overtakes it.
func TestPrimeThatAWriteHasOvertakenStoresNothing(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v2"})
		st := &tapped{Store: p}
		c := open(t, st, src.config(false))
		lease := tapNext(&st.leased)
		primed := make(chan error, 1)
		go func() { primed <- c.Prime(t.Context(), map[string]string{"k": "v1"}) }()
		receive(t, "Prime has its lease", lease.executed)
		require.NoError(t, c.Invalidate(t.Context(), "k"))
		close(lease.pass)
		require.NoError(t, receive(t, "Prime returns", primed))
		allRead(t, "v2", joins(t.Context(), c))
	})
}

func TestPrimeStoresTheOthersWhereOneCannotBeEncoded(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(nil)
		cfg := src.config(true)
		cfg.Codec = picky{codec.JSON}
		c := open(t, p, cfg)
		err := c.Prime(t.Context(), map[string]string{"bad": "ugly", "a": "va"})
		require.ErrorIs(t, err, errPicky)
		v, err := c.Get(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, "va", v)
		require.Zero(t, src.count())
	})
}
