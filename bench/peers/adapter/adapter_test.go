package adapter_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/internal/redistest"
)

const absent = 404

// open returns a cache of a library, and what counts its loads. Every write is the next version of every record.
//
//nolint:ireturn // that is what an adapter is
func open(t *testing.T, l adapter.Library) (c adapter.Cache, loads, version *atomic.Int64) {
	t.Helper()
	loads, version = new(atomic.Int64), new(atomic.Int64)
	load := func(_ context.Context, id int64) (adapter.Product, error) {
		loads.Add(1)
		if id == absent {
			return adapter.Product{}, adapter.ErrAbsent
		}
		return adapter.MakeProduct(id, version.Load()), nil
	}
	c, err := l.New(adapter.Config{
		Addr: redistest.Start(t).Addr, TTL: time.Minute, Load: load,
		LoadMany: func(ctx context.Context, ids []int64) (map[int64]adapter.Product, error) {
			found := make(map[int64]adapter.Product)
			for _, id := range ids {
				if p, err := load(ctx, id); err == nil {
					found[id] = p
				}
			}
			return found, nil
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c, loads, version
}

func TestEveryLibraryKeepsRecordsAndForgetsThemAfterAWrite(t *testing.T) {
	for _, l := range adapter.Libraries() {
		t.Run(l.Name, func(t *testing.T) {
			c, loads, version := open(t, l)
			ctx := t.Context()
			p, err := c.Get(ctx, 7)
			require.NoError(t, err)
			require.EqualValues(t, 7, p.ID)
			// One stores in the background, and what it stores after a delete is there to stay.
			time.Sleep(100 * time.Millisecond)
			require.Eventually(t, func() bool {
				before := loads.Load()
				again, err := c.Get(ctx, 7)
				return err == nil && again.Name == p.Name && loads.Load() == before
			}, 10*time.Second, 10*time.Millisecond)
			require.NoError(t, c.Update(ctx, 7, func(context.Context) error { version.Add(1); return nil }))
			p, err = c.Get(ctx, 7)
			require.NoError(t, err)
			require.EqualValues(t, 1, p.Version)
			require.NoError(t, c.Invalidate(ctx, 7, 8, 9))
		})
	}
}

func TestEveryLibrarySaysThatARecordIsAbsent(t *testing.T) {
	for _, l := range adapter.Libraries() {
		t.Run(l.Name, func(t *testing.T) {
			c, loads, _ := open(t, l)
			for range 3 {
				_, err := c.Get(t.Context(), absent)
				require.ErrorIs(t, err, adapter.ErrAbsent)
			}
			if !l.NoAbsence && !l.OnlyHits {
				require.EqualValues(t, 1, loads.Load())
			}
		})
	}
}

func TestLibrariesWithABatchHaveOne(t *testing.T) {
	for _, l := range adapter.Libraries() {
		t.Run(l.Name, func(t *testing.T) {
			c, _, _ := open(t, l)
			batch, ok := c.(adapter.Batch)
			if l.Reference {
				return
			}
			require.Equal(t, !l.NoBatch, ok)
			if ok {
				found, err := batch.GetMany(t.Context(), []int64{1, 2, 3})
				require.NoError(t, err)
				require.Len(t, found, 3)
				require.EqualValues(t, 2, found[2].ID)
			}
		})
	}
}

func TestEveryLockExcludesAndIsFreeAfterwards(t *testing.T) {
	for _, l := range adapter.Locks() {
		t.Run(l.Name, func(t *testing.T) {
			cfg := adapter.Config{Addr: redistest.Start(t).Addr}
			one, err := l.New(cfg)
			require.NoError(t, err)
			defer one.Close()
			other, err := l.New(cfg)
			require.NoError(t, err)
			defer other.Close()
			unlock, err := one.Lock(t.Context(), "k")
			require.NoError(t, err)
			brief, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			_, err = other.Lock(brief, "k")
			require.Error(t, err)
			require.NoError(t, unlock())
			unlock, err = other.Lock(t.Context(), "k")
			require.NoError(t, err)
			require.NoError(t, unlock())
		})
	}
}
