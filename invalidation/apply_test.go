package invalidation_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/bustest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

// inv is a store whose invalidations a test may let fail.
type inv struct {
	store.Store
	fail atomic.Pointer[func(keys []string) error]

	mu    sync.Mutex
	calls [][]string
	lifts []time.Duration
}

func (i *inv) note(keys []string) error {
	i.mu.Lock()
	i.calls = append(i.calls, keys)
	i.mu.Unlock()
	if f := i.fail.Load(); f != nil {
		return (*f)(keys)
	}
	return nil
}

func (i *inv) Invalidate(ctx context.Context, keys ...string) error {
	if err := i.note(keys); err != nil {
		return err
	}
	return i.Store.Invalidate(ctx, keys...)
}

func (i *inv) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	i.mu.Lock()
	i.lifts = append(i.lifts, probation)
	i.mu.Unlock()
	if err := i.note(keys); err != nil {
		return err
	}
	return i.Store.Lift(ctx, token, probation, keys...)
}

// made returns the calls so far.
func (i *inv) made() [][]string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.calls)
}

func (i *inv) failing(f func(keys []string) error) {
	if f == nil {
		i.fail.Store(nil)
		return
	}
	i.fail.Store(&f)
}

// rig is Apply at work in a bubble.
type rig struct {
	t     *testing.T
	bus   *bustest.Bus
	inv   *inv
	stop  context.CancelFunc
	ended chan error
}

func start(t *testing.T, opts invalidation.Options) *rig {
	t.Helper()
	r := &rig{t: t, bus: bustest.NewBus(), inv: &inv{Store: memstore.New()}, ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	if opts.Error == nil {
		opts.Error = func(context.Context, error) {}
	}
	go func() { r.ended <- invalidation.Apply(ctx, r.bus, r.inv, opts) }()
	t.Cleanup(func() {
		cancel()
		synctest.Wait()
	})
	return r
}

func (r *rig) publish(events ...invalidation.Event) {
	require.NoError(r.t, r.bus.Publish(r.t.Context(), events...))
	synctest.Wait()
}

// put stores a value under key.
func (r *rig) put(key string) {
	g := r.inv.Lease(r.t.Context(), store.Ask{Key: key})
	require.True(r.t, g[0].Granted())
	v := r.inv.Fill(r.t.Context(), store.Fill{
		Held: store.Held{Key: key, Stamp: g[0].Stamp}, Payload: []byte("v"), TTL: time.Hour,
	})
	require.True(r.t, v[0].Accepted)
}

func (r *rig) kind(key string) store.Kind {
	rec, err := r.inv.Get(r.t.Context(), key)
	require.NoError(r.t, err)
	return rec.Kind
}

func TestApplyDeletesWhatEventsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var applied invalidation.Applied
		r := start(t, invalidation.Options{Applied: func(_ context.Context, a invalidation.Applied) { applied = a }})
		r.put("user:1")
		r.put("user:2")
		e := invalidation.NewEvent("user", "user:1")
		time.Sleep(time.Second)
		r.publish(e, invalidation.NewEvent("user", "user:1", "by-email:x"))
		require.Equal(t, store.Missing, r.kind("user:1"))
		require.Equal(t, store.Value, r.kind("user:2"))
		require.Equal(t, [][]string{{"user:1", "by-email:x"}}, r.inv.made(), "each key once, in one call")
		require.Equal(t, invalidation.Applied{Events: 2, Keys: 2, Oldest: e.Time}, applied)
		r.stop()
		require.NoError(t, <-r.ended)
	})
}

func TestApplyRepeatsWhatFailedAndOnlyThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, invalidation.Options{})
		r.inv.failing(func(keys []string) error {
			r.inv.failing(nil)
			return &store.KeysError{Keys: keys[1:2], Err: errors.New("one server is down")}
		})
		r.publish(invalidation.NewEvent("x", "a", "b", "c"))
		time.Sleep(time.Second)
		require.Equal(t, [][]string{{"a", "b", "c"}, {"b"}}, r.inv.made())
		require.Zero(t, r.bus.Depth())
	})
}

// What is joined to an error that names keys may be about others.
func TestApplyRepeatsAllThatSeveralErrorsMayBeAbout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, invalidation.Options{})
		r.inv.failing(func([]string) error {
			r.inv.failing(nil)
			down := errors.New("down")
			return errors.Join(
				&store.KeysError{Keys: []string{"a"}, Err: down}, &store.KeysError{Keys: []string{"b"}, Err: down})
		})
		r.publish(invalidation.NewEvent("x", "a", "b", "c"))
		time.Sleep(time.Second)
		require.Equal(t, [][]string{{"a", "b", "c"}, {"a", "b", "c"}}, r.inv.made())
		require.Zero(t, r.bus.Depth())
	})
}

// While the store is down, one tries now and then, nothing is acknowledged, and it is reported once.
func TestApplyWaitsForAStoreThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reports []error
		down := errors.New("down")
		st := &inv{Store: memstore.New()}
		st.failing(func([]string) error { return down })
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		sub := subscriber(func(ctx context.Context, handle invalidation.Handler) error {
			var wg sync.WaitGroup
			for i := range 4 { // at once, as of four partitions
				wg.Go(func() {
					_ = handle(ctx, []invalidation.Event{invalidation.NewEvent("x", string(rune('a'+i)))})
				})
			}
			wg.Wait()
			<-ctx.Done()
			return nil
		})
		done := make(chan error, 1)
		go func() {
			done <- invalidation.Apply(ctx, sub, st, invalidation.Options{Error: func(_ context.Context, err error) {
				mu.Lock()
				defer mu.Unlock()
				reports = append(reports, err)
			}})
		}()
		time.Sleep(time.Minute)
		tries := len(st.made())
		require.Less(t, tries, 4*4+4*60, "attempts of a minute")
		require.Greater(t, tries, 60)
		require.Equal(t, []error{down}, reports)

		st.failing(nil)
		time.Sleep(time.Second)
		got := make(map[string]bool)
		for _, call := range st.made()[tries:] {
			got[call[0]] = true
		}
		require.Len(t, got, 4, "all is made within a second")
		cancel()
		require.NoError(t, <-done)
	})
}

type subscriber func(context.Context, invalidation.Handler) error

func (s subscriber) Subscribe(ctx context.Context, handle invalidation.Handler) error {
	return s(ctx, handle)
}

func TestApplyAcknowledgesNothingThatItHasNotDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, invalidation.Options{})
		r.inv.failing(func([]string) error { return errors.New("down") })
		r.publish(invalidation.NewEvent("x", "a"))
		time.Sleep(time.Hour)
		require.Equal(t, 1, r.bus.Depth())
		r.stop()
		require.NoError(t, <-r.ended)
		require.Equal(t, 1, r.bus.Depth(), "it is there for the next")
	})
}

func TestApplyRefusesWhatNobodyCouldApply(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got error
		sub := subscriber(func(ctx context.Context, handle invalidation.Handler) error {
			got = handle(ctx, []invalidation.Event{
				invalidation.NewEvent("x", "a"), {ID: "1", Op: "rename", Keys: []string{"b"}}, invalidation.NewEvent("x"),
				invalidation.NewEvent("x", "c"),
			})
			return nil
		})
		st := &inv{Store: memstore.New()}
		require.NoError(t, invalidation.Apply(t.Context(), sub, st, invalidation.Options{}))
		refused, ok := errors.AsType[*invalidation.RefusedError](got)
		require.True(t, ok)
		require.Len(t, refused.Refused, 2)
		require.ErrorIs(t, refused.Refused[1], invalidation.ErrUnsupported)
		require.ErrorIs(t, refused.Refused[2], invalidation.ErrMalformed)
		require.Equal(t, [][]string{{"a", "c"}}, st.made())
	})
}

func TestClearIsRefusedByAStoreThatCannot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, invalidation.Options{})
		r.publish(invalidation.NewClear("x", "user")) // inv hides the Clear of its store
		dead := r.bus.DeadLetters()
		require.Len(t, dead, 1)
		require.ErrorIs(t, dead[0].Err, invalidation.ErrUnsupported)
	})
}

func TestApplyLeavesFencesAndProbationAsToldTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, invalidation.Options{Fenced: true, ReplicaLag: time.Minute})
		require.NoError(t, r.inv.Fence(t.Context(), 7, time.Hour, "fenced"))
		r.publish(invalidation.NewEvent("x", "fenced", "other"))
		require.Equal(t, store.Fence, r.kind("fenced"))
		require.Equal(t, store.Probation, r.kind("other"))
		require.Equal(t, []time.Duration{time.Minute}, r.inv.lifts)
	})
}

func TestApplyReturnsWhatItsSubscriberFailsWith(t *testing.T) {
	broken := errors.New("broken")
	sub := subscriber(func(context.Context, invalidation.Handler) error { return broken })
	st := memstore.New()
	require.ErrorIs(t, invalidation.Apply(t.Context(), sub, st, invalidation.Options{}), broken)
	require.Error(t, invalidation.Apply(t.Context(), nil, st, invalidation.Options{}))
	require.Error(t, invalidation.Apply(t.Context(), sub, nil, invalidation.Options{}))
	require.Error(t, invalidation.Apply(t.Context(), sub, st, invalidation.Options{ReplicaLag: -1}))
}

// TRUNCATE tells of all records of a table, and a replica may have them still.
func TestClearEmptiesACacheAndOnceMoreAfterTheLagOfReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, bus := memstore.New(), bustest.NewBus()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = invalidation.Apply(ctx, bus, st, invalidation.Options{ReplicaLag: time.Second}) }()
		r := &rig{t: t, bus: bus, inv: &inv{Store: st}}
		r.put("user:1")
		r.put("order:1")
		r.publish(invalidation.NewClear("shop.users", "user"))
		require.Equal(t, store.Missing, r.kind("user:1"))
		r.put("user:2") // from a replica that lags
		require.Equal(t, 1, bus.Depth(), "not acknowledged yet")
		time.Sleep(2 * time.Second)
		require.Equal(t, store.Missing, r.kind("user:2"))
		require.Equal(t, store.Value, r.kind("order:1"))
		require.Zero(t, bus.Depth())
	})
}

// A statement that drops a hundred tables is not to hold up a partition for a hundred lags.
func TestCachesThatAreClearedTogetherWaitForReplicasOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := bustest.NewBus()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			_ = invalidation.Apply(ctx, bus, memstore.New(), invalidation.Options{ReplicaLag: time.Second})
		}()
		for i := range 50 {
			require.NoError(t, bus.Publish(ctx, invalidation.NewClear("x", "a"+strconv.Itoa(i), "b"+strconv.Itoa(i))))
		}
		synctest.Wait()
		time.Sleep(3 * time.Second) // a batch or two
		require.Zero(t, bus.Depth())
	})
}
