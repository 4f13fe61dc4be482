package chaosstore_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
	"github.com/cachet-go/cachet/store/memstore"
	"github.com/cachet-go/cachet/store/storetest"
)

func kind(t *testing.T, s store.Store, key string) store.Kind {
	t.Helper()
	rec, err := s.Get(t.Context(), key)
	require.NoError(t, err)
	return rec.Kind
}

func TestWhatIsOnlyHeldUpKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) store.Store {
		return chaosstore.New(memstore.New(), chaosstore.Options{Delay: 0.5, MaxDelay: time.Millisecond})
	})
}

func TestEachFaultDoesWhatItIsCalled(t *testing.T) {
	tests := map[string]struct {
		opts         chaosstore.Options
		fails        bool
		now, in10min store.Kind // what an Invalidate of a value leaves
		counts       chaosstore.Counts
	}{
		"none": {chaosstore.Options{}, false, store.Missing, store.Lease, chaosstore.Counts{}},
		"fail": {chaosstore.Options{Fail: 1}, true, store.Value, store.Value, chaosstore.Counts{Failed: 1}},
		"lose": {chaosstore.Options{Lose: 1}, true, store.Missing, store.Lease, chaosstore.Counts{Lost: 1}},
		"late": {chaosstore.Options{Late: 1}, true, store.Value, store.Missing, chaosstore.Counts{Late: 1}},
		"repeat": {
			chaosstore.Options{Repeat: 1}, false, store.Missing, store.Missing, chaosstore.Counts{Repeated: 1},
		},
		"delay": {chaosstore.Options{Delay: 1}, false, store.Missing, store.Lease, chaosstore.Counts{Delayed: 2}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				below := memstore.New()
				held := store.Held{Key: "k", Stamp: below.Lease(t.Context(), store.Ask{Key: "k"})[0].Stamp}
				require.True(t, below.Fill(t.Context(), store.Fill{Held: held, TTL: time.Hour})[0].Accepted)

				test.opts.MaxDelay = 10 * time.Minute
				s := chaosstore.New(below, test.opts)
				err := s.Invalidate(t.Context(), "k")
				if test.fails {
					require.ErrorIs(t, err, chaosstore.ErrChaos)
				} else {
					require.NoError(t, err)
				}
				assert.Equal(t, test.counts, s.Counts())
				assert.Equal(t, test.now, kind(t, below, "k"))
				below.Lease(t.Context(), store.Ask{Key: "k", Term: time.Hour}) // a repeated request takes it away
				s.Calm()
				assert.Equal(t, test.in10min, kind(t, below, "k"))
			})
		})
	}
}

// fates tells how operations on two keys went: by operation and key, in the order of their number.
func fates(t *testing.T, seed uint64, keys ...string) map[string][]bool {
	t.Helper()
	s := chaosstore.New(memstore.New(), chaosstore.Options{Seed: seed, Fail: 0.2, Lose: 0.3})
	got := make(map[string][]bool)
	for range 50 {
		for _, key := range keys {
			_, err := s.Get(t.Context(), key)
			got["get "+key] = append(got["get "+key], err == nil)
			err = s.Invalidate(t.Context(), key)
			got["invalidate "+key] = append(got["invalidate "+key], err == nil)
		}
	}
	return got
}

func TestTheSeedDecidesWhateverTheOrderOfKeys(t *testing.T) {
	assert.Equal(t, fates(t, 1, "a", "b"), fates(t, 1, "b", "a"))
	assert.NotEqual(t, fates(t, 1, "a", "b"), fates(t, 2, "a", "b"))
	one := fates(t, 1, "a", "b")
	assert.NotEqual(t, one["get a"], one["get b"])
	assert.NotEqual(t, one["get a"], one["invalidate a"])
}

func TestFaultsAreAsFrequentAsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chaosstore.New(memstore.New(), chaosstore.Options{Fail: 0.1, Late: 0.2, Lose: 0.3, Repeat: 0.4, Delay: 0.5})
		const n, keys = 1000, 10
		for range n {
			for k := range keys {
				_ = s.Invalidate(t.Context(), fmt.Sprint(k))
			}
		}
		s.Calm()
		c := s.Counts()
		share := func(of int64) float64 { return float64(of) / (n * keys) }
		assert.InDelta(t, 0.1, share(c.Failed), 0.02)
		assert.InDelta(t, 0.2, share(c.Late), 0.02)
		assert.InDelta(t, 0.3, share(c.Lost), 0.02)
		assert.InDelta(t, 0.7*0.4, share(c.Repeated), 0.02)
		assert.InDelta(t, 2*0.7*0.5, share(c.Delayed), 0.04)
	})
}

func TestPartOfABatchMayFail(t *testing.T) {
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprint(i)
	}
	s := chaosstore.New(memstore.New(), chaosstore.Options{Fail: 0.5})
	err := s.Invalidate(t.Context(), keys...)
	var some *store.KeysError
	require.ErrorAs(t, err, &some)
	assert.InDelta(t, 50, len(some.Keys), 30)
	for i, g := range s.Lease(t.Context(), store.Ask{Key: "a"}, store.Ask{Key: "b"}, store.Ask{Key: "c"}) {
		assert.NotEqual(t, g.Granted(), g.Err != nil, i)
	}
}

func TestOnlyTheOperationsNamedAreHit(t *testing.T) {
	s := chaosstore.New(memstore.New(), chaosstore.Options{Fail: 1, Ops: []chaosstore.Op{chaosstore.OpFill}})
	for op, err := range every(t.Context(), s) {
		assert.Equal(t, op == chaosstore.OpFill, err != nil, op)
	}
}

func TestADelayEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chaosstore.New(memstore.New(), chaosstore.Options{Delay: 1, MaxDelay: time.Hour})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := s.Get(ctx, "k")
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}

func TestCalmEndsTheChaos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := chaosstore.New(memstore.New(), chaosstore.Options{Late: 0.5, Lose: 0.5, Repeat: 1, Delay: 1})
		_ = s.Invalidate(t.Context(), "a", "b", "c", "d")
		s.Calm()
		before, start := s.Counts(), time.Now()
		for op, err := range every(t.Context(), s) {
			require.NoError(t, err, op)
		}
		assert.Equal(t, before, s.Counts())
		assert.Zero(t, time.Since(start))
	})
}

// A request that arrives late is executed with what its caller asked for, whatever he makes of his memory.
func TestWhatIsLateIsWhatWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below := memstore.New()
		s := chaosstore.New(below, chaosstore.Options{Late: 1})
		asks := []store.Ask{{Key: "a", Term: time.Hour}, {Key: "b", Term: time.Hour}}
		for _, g := range s.Lease(t.Context(), asks...) {
			require.ErrorIs(t, g.Err, chaosstore.ErrChaos)
		}
		clear(asks)
		s.Calm()
		assert.Equal(t, store.Lease, kind(t, below, "a"))
		assert.Equal(t, store.Lease, kind(t, below, "b"))
	})
}

func TestAgainExecutesTheKeysNamedAndKeepsTheAnswers(t *testing.T) {
	s := memstore.New()
	var calls []chaosstore.Call
	h := &chaosstore.Hooked{Store: s, Before: func(_ context.Context, c chaosstore.Call) error {
		calls = append(calls, c)
		return &store.KeysError{Keys: []string{"b", "c"}, Err: errLost}
	}, After: func(_ context.Context, c chaosstore.Call) error {
		calls = append(calls, c)
		return nil
	}}
	grants := h.Lease(t.Context(), store.Ask{Key: "a"}, store.Ask{Key: "b"}, store.Ask{Key: "c"}, store.Ask{Key: "d"})
	require.Equal(t, []string{"a", "d"}, calls[1].Keys)
	require.NoError(t, calls[0].Again(t.Context(), "c"))
	assert.Equal(t, store.Lease, kind(t, s, "c"))
	assert.Equal(t, store.Missing, kind(t, s, "b"))
	require.ErrorIs(t, grants[2].Err, errLost, "the answer has reached the caller")

	require.NoError(t, s.Invalidate(t.Context(), "a", "b", "c", "d"))
	require.NoError(t, calls[1].Again(t.Context()))
	kinds := []store.Kind{kind(t, s, "a"), kind(t, s, "b"), kind(t, s, "c"), kind(t, s, "d")}
	assert.True(t, slices.Equal([]store.Kind{store.Lease, store.Missing, store.Missing, store.Lease}, kinds), "%v", kinds)

	w, err := (&chaosstore.Hooked{Store: s, Before: func(ctx context.Context, c chaosstore.Call) error {
		return c.Again(ctx)
	}}).Watch(t.Context(), "a")
	require.NoError(t, err)
	w.Close()
}
