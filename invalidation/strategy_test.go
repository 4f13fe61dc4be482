package invalidation_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/bustest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

// source is a database with one record.
type source struct{ version int }

func (s *source) load(context.Context, int) (int, error) { return s.version, nil }

func (s *source) write(context.Context) error {
	s.version++
	return nil
}

func cache(t *testing.T, st store.Store, src *source, strategy cachet.Strategy) *cachet.Cache[int, int] {
	t.Helper()
	c, err := cachet.New(st, cachet.Config[int, int]{Name: "user", Load: src.load, Strategy: strategy})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func TestAWriteIsSeenOnceItsEventIsApplied(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, st, src := bustest.NewBus(), memstore.New(), &source{}
		c := cache(t, st, src, invalidation.Strategy{Publisher: bus})
		require.Zero(t, get(t, c))
		require.NoError(t, c.Update(t.Context(), 1, src.write))
		require.Equal(t, 1, bus.Depth())
		require.Zero(t, get(t, c), "published, not applied")

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = invalidation.Apply(ctx, bus, st, invalidation.Options{}) }()
		synctest.Wait()
		require.Equal(t, 1, get(t, c))
	})
}

func get(t *testing.T, c *cachet.Cache[int, int]) int {
	t.Helper()
	v, err := c.Get(t.Context(), 1)
	require.NoError(t, err)
	return v
}

func TestAnEagerWriteIsSeenAtOnceAndPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, src := bustest.NewBus(), &source{}
		c := cache(t, memstore.New(), src, invalidation.Strategy{Publisher: bus, Eager: true})
		require.Zero(t, get(t, c))
		require.NoError(t, c.Update(t.Context(), 1, src.write))
		require.Equal(t, 1, get(t, c))
		require.Equal(t, 1, bus.Depth())
	})
}

func TestAFailedOrPanickedWriteIsPublishedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, src := bustest.NewBus(), &source{}
		c := cache(t, memstore.New(), src, invalidation.Strategy{Publisher: bus})
		failed := errors.New("unknown outcome")
		require.ErrorIs(t, c.Update(t.Context(), 1, func(context.Context) error { return failed }), failed)
		require.Equal(t, 1, bus.Depth())
		require.Panics(t, func() { _ = c.Update(t.Context(), 1, func(context.Context) error { panic("x") }) })
		require.Equal(t, 2, bus.Depth())
	})
}

// publisher fails until it is told not to.
type publisher struct {
	invalidation.Publisher
	err atomic.Pointer[error]
}

func (p *publisher) Publish(ctx context.Context, events ...invalidation.Event) error {
	if err := p.err.Load(); err != nil {
		return *err
	}
	return p.Publisher.Publish(ctx, events...)
}

func TestWhatCannotBePublishedIsAnInvalidationErrorAndIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, src := bustest.NewBus(), &source{}
		pub, down := &publisher{Publisher: bus}, errors.New("no broker")
		pub.err.Store(&down)
		c := cache(t, memstore.New(), src, invalidation.Strategy{Publisher: pub})
		err := c.UpdateMany(t.Context(), []int{1, 2}, src.write)
		ierr, ok := errors.AsType[*cachet.InvalidationError](err)
		require.True(t, ok)
		require.Equal(t, []string{"user:1", "user:2"}, ierr.Keys)
		require.ErrorIs(t, err, down)
		pub.err.Store(nil)
		time.Sleep(time.Minute)
		require.Equal(t, 2, bus.Depth())
	})
}

func TestAWriteThatIsRefusedPublishesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, src := bustest.NewBus(), &source{}
		st := broken{memstore.New()}
		c := cache(t, st, src, invalidation.Strategy{Publisher: bus, Inner: aside.Strategy{Strict: true}})
		require.ErrorIs(t, c.Update(t.Context(), 1, src.write), aside.ErrRefused)
		require.Zero(t, bus.Depth())
		require.Zero(t, src.version)
	})
}

type broken struct{ store.Store }

func (broken) Fence(context.Context, uint64, time.Duration, ...string) error {
	return errors.New("down")
}

// Of the three that can be combined, each is what it is alone.
func TestAFenceWithinADoubleDeleteWithinAQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, st, src := bustest.NewBus(), memstore.New(), &source{}
		c := cache(t, st, src, invalidation.Strategy{
			Publisher: bus,
			Inner: doubledelete.New(doubledelete.Options{
				Delay:  time.Second,
				Within: aside.Strategy{Fence: time.Minute},
			}),
		})
		require.Zero(t, get(t, c))
		require.NoError(t, c.Update(t.Context(), 1, func(ctx context.Context) error {
			rec, err := st.Get(ctx, "user:1")
			require.NoError(t, err)
			require.Equal(t, store.Fence, rec.Kind, "during the write")
			return src.write(ctx)
		}))
		require.Equal(t, 1, get(t, c))
		require.Equal(t, 1, bus.Depth())
		rec, err := st.Get(t.Context(), "user:1")
		require.NoError(t, err)
		require.Equal(t, store.Value, rec.Kind)
		time.Sleep(1100 * time.Millisecond)
		rec, err = st.Get(t.Context(), "user:1")
		require.NoError(t, err)
		require.Equal(t, store.Missing, rec.Kind, "deleted again")
	})
}

func TestAStrategyWithoutAPublisherIsRefused(t *testing.T) {
	for name, s := range map[string]cachet.Strategy{
		"Publisher": invalidation.Strategy{},
		"Fence":     invalidation.Strategy{Publisher: bustest.NewBus(), Inner: aside.Strategy{Fence: -1}},
	} {
		_, err := cachet.New(memstore.New(), cachet.Config[int, int]{
			Name: "user", Load: (&source{}).load, Strategy: s,
		})
		require.ErrorContains(t, err, name)
	}
}

// Strategies within strategies join errors that are joined already. That of the write is the caller's, and no part of
// why the keys are not invalidated.
func TestTheErrorOfAWriteIsNoReasonOfItsInvalidationError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, failed, down, gone := &source{}, errors.New("write"), errors.New("no broker"), errors.New("no store")
		pub, st := &publisher{Publisher: bustest.NewBus()}, &inv{Store: memstore.New()}
		pub.err.Store(&down)
		st.failing(func([]string) error { return gone })
		c := cache(t, st, src, invalidation.Strategy{Publisher: pub, Eager: true})
		err := c.Update(t.Context(), 1, func(context.Context) error { return failed })
		require.ErrorIs(t, err, failed)
		ierr, ok := errors.AsType[*cachet.InvalidationError](err)
		require.True(t, ok)
		require.ErrorIs(t, ierr.Err, down)
		require.ErrorIs(t, ierr.Err, gone)
		require.NotErrorIs(t, ierr.Err, failed)
		pub.err.Store(nil)
		st.failing(nil)
		time.Sleep(time.Minute)
	})
}
