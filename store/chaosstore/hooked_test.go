package chaosstore_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
	"github.com/cachet-go/cachet/store/memstore"
	"github.com/cachet-go/cachet/store/storetest"
)

var errLost = errors.New("lost")

// every calls each method on the keys a and b.
func every(ctx context.Context, s store.Store) map[chaosstore.Op]error {
	var errs []error
	for _, g := range s.Lease(ctx, store.Ask{Key: "a"}, store.Ask{Key: "b"}) {
		errs = append(errs, g.Err)
	}
	a, b := store.Held{Key: "a"}, store.Held{Key: "b"}
	got := make(map[chaosstore.Op]error)
	got[chaosstore.OpLease] = errors.Join(errs...)
	got[chaosstore.OpRenew] = s.Renew(ctx, a, b)
	got[chaosstore.OpRelease] = s.Release(ctx, false, a, b)
	got[chaosstore.OpFence] = s.Fence(ctx, 1, time.Minute, "a", "b")
	got[chaosstore.OpLift] = s.Lift(ctx, 1, 0, "a", "b")
	got[chaosstore.OpInvalidate] = s.Invalidate(ctx, "a", "b")
	errs = nil
	for _, v := range s.Fill(ctx, store.Fill{Held: a}, store.Fill{Held: b}) {
		errs = append(errs, v.Err)
	}
	got[chaosstore.OpFill] = errors.Join(errs...)
	_, got[chaosstore.OpGet] = s.Get(ctx, "a")
	_, got[chaosstore.OpGetMany] = s.GetMany(ctx, []string{"a", "b"})
	w, err := s.Watch(ctx, "a")
	if err == nil {
		w.Close()
	}
	got[chaosstore.OpWatch] = err
	return got
}

func TestHookedKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store {
		none := func(context.Context, chaosstore.Call) error { return nil }
		return &chaosstore.Hooked{Store: memstore.New(), Before: none, After: none}
	})
}

func TestHooksAreCalledAroundEachOperation(t *testing.T) {
	var mu sync.Mutex
	before, after := make(map[chaosstore.Op][]string), make(map[chaosstore.Op][]string)
	note := func(in map[chaosstore.Op][]string) func(context.Context, chaosstore.Call) error {
		return func(_ context.Context, c chaosstore.Call) error {
			mu.Lock()
			defer mu.Unlock()
			in[c.Op] = c.Keys
			return nil
		}
	}
	h := &chaosstore.Hooked{Store: memstore.New(), Before: note(before), After: note(after)}
	for op, err := range every(t.Context(), h) {
		require.NoError(t, err, op)
		want := []string{"a", "b"}
		if op == chaosstore.OpGet || op == chaosstore.OpWatch {
			want = want[:1]
		}
		assert.Equal(t, want, before[op], op)
		assert.Equal(t, want, after[op], op)
	}
	assert.Len(t, before, 10)
}

func TestEachOperationFailsByEitherHook(t *testing.T) {
	fail := func(context.Context, chaosstore.Call) error { return errLost }
	for name, h := range map[string]*chaosstore.Hooked{
		"before": {Store: memstore.New(), Before: fail},
		"after":  {Store: memstore.New(), After: fail},
	} {
		for op, err := range every(t.Context(), h) {
			require.ErrorIs(t, err, errLost, "%s %s", name, op)
		}
	}
}

func TestALostRequestIsNotExecutedAndALostReplyIs(t *testing.T) {
	lose := func(context.Context, chaosstore.Call) error { return errLost }
	s := memstore.New()
	g := (&chaosstore.Hooked{Store: s, Before: lose}).Lease(t.Context(), store.Ask{Key: "k"})[0]
	assert.Equal(t, store.Grant{Err: errLost}, g)
	rec, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	assert.Equal(t, store.Missing, rec.Kind)

	g = (&chaosstore.Hooked{Store: s, After: lose}).Lease(t.Context(), store.Ask{Key: "k"})[0]
	assert.Equal(t, store.Grant{Err: errLost}, g)
	rec, err = s.Get(t.Context(), "k")
	require.NoError(t, err)
	assert.Equal(t, store.Lease, rec.Kind)
}

func TestAKeysErrorFailsTheKeysThatItNames(t *testing.T) {
	s := memstore.New()
	h := &chaosstore.Hooked{Store: s}
	ctx := t.Context()
	some := func(_ context.Context, c chaosstore.Call) error {
		return &store.KeysError{Keys: []string{"b"}, Err: errLost}
	}

	h.Before = some
	grants := h.Lease(ctx, store.Ask{Key: "a"}, store.Ask{Key: "b"}, store.Ask{Key: "c"})
	assert.True(t, grants[0].Granted())
	require.ErrorIs(t, grants[1].Err, errLost)
	assert.True(t, grants[2].Granted())

	h.Before, h.After = nil, some
	recs, err := h.GetMany(ctx, []string{"a", "b", "c"})
	require.ErrorIs(t, err, errLost)
	kinds := []store.Kind{recs[0].Kind, recs[1].Kind, recs[2].Kind}
	assert.Equal(t, []store.Kind{store.Lease, store.Missing, store.Lease}, kinds)

	err = h.Invalidate(ctx, "a", "b")
	var named *store.KeysError
	require.ErrorAs(t, err, &named)
	assert.Equal(t, []string{"b"}, named.Keys)

	h.Before = func(context.Context, chaosstore.Call) error {
		return &store.KeysError{Keys: []string{"c"}, Err: context.Canceled}
	}
	err = h.Invalidate(ctx, "a", "b", "c")
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, errLost)
	require.ErrorAs(t, err, &named)
	slices.Sort(named.Keys)
	assert.Equal(t, []string{"a", "b", "c"}, named.Keys)
}

func TestAnInterleavingAtTheFill(t *testing.T) {
	s := memstore.New()
	h := &chaosstore.Hooked{Store: s, Before: func(_ context.Context, c chaosstore.Call) error {
		if c.Op == chaosstore.OpFill {
			return s.Invalidate(t.Context(), c.Keys...)
		}
		return nil
	}}
	g := h.Lease(t.Context(), store.Ask{Key: "k"})[0]
	held := store.Held{Key: "k", Stamp: g.Stamp}
	verdict := h.Fill(t.Context(), store.Fill{Held: held, TTL: time.Minute})[0]
	assert.Equal(t, store.Verdict{}, verdict)
}
