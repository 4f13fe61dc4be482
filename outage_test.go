package cachet_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/store"
)

// broken is a store of which every operation fails while it is down.
type broken struct {
	store.Store
	down atomic.Bool
}

func (s *broken) err() error {
	if s.down.Load() {
		return errStore
	}
	return nil
}

func (s *broken) Get(ctx context.Context, key string) (store.Record, error) {
	if err := s.err(); err != nil {
		return store.Record{}, err
	}
	return s.Store.Get(ctx, key)
}

func (s *broken) GetMany(ctx context.Context, keys []string) ([]store.Record, error) {
	if err := s.err(); err != nil {
		return make([]store.Record, len(keys)), err
	}
	return s.Store.GetMany(ctx, keys)
}

func (s *broken) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	if err := s.err(); err != nil {
		grants := make([]store.Grant, len(asks))
		for i := range grants {
			grants[i].Err = err
		}
		return grants
	}
	return s.Store.Lease(ctx, asks...)
}

func (s *broken) Renew(ctx context.Context, held ...store.Held) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Renew(ctx, held...)
}

func (s *broken) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	if err := s.err(); err != nil {
		verdicts := make([]store.Verdict, len(fills))
		for i := range verdicts {
			verdicts[i].Err = err
		}
		return verdicts
	}
	return s.Store.Fill(ctx, fills...)
}

func (s *broken) Release(ctx context.Context, failed bool, held ...store.Held) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Release(ctx, failed, held...)
}

func (s *broken) Watch(ctx context.Context, key string) (store.Watch, error) {
	if err := s.err(); err != nil {
		return nil, err
	}
	return s.Store.Watch(ctx, key)
}

func (s *broken) Invalidate(ctx context.Context, keys ...string) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Invalidate(ctx, keys...)
}

func (s *broken) Fence(ctx context.Context, token uint64, d time.Duration, keys ...string) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Fence(ctx, token, d, keys...)
}

func (s *broken) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	if err := s.err(); err != nil {
		return err
	}
	return s.Store.Lift(ctx, token, probation, keys...)
}

// The store is down: reads come from the source, merged and bounded.
func TestReadsWithoutAStoreComeFromTheSourceMergedAndBounded(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		const most = 4
		var now, peak atomic.Int64
		st := &broken{Store: p}
		st.down.Store(true)
		c := open(t, st, cachet.Config[string, string]{
			MaxLoads: most,
			Load: func(_ context.Context, key string) (string, error) {
				n := now.Add(1)
				defer now.Add(-1)
				for old := peak.Load(); n > old && !peak.CompareAndSwap(old, n); old = peak.Load() {
				}
				time.Sleep(5 * time.Millisecond)
				return "v" + key, nil
			},
		})
		var done sync.WaitGroup
		for i := range 200 {
			key := string(rune('a' + i%10))
			done.Go(func() {
				v, err := c.Get(t.Context(), key)
				assert.NoError(t, err)
				assert.Equal(t, "v"+key, v)
			})
		}
		done.Wait()
		require.LessOrEqual(t, peak.Load(), int64(most))
		s := c.Stats()
		require.Less(t, s.Loads, int64(100), "loads are not merged")
		require.Equal(t, s.Loads, s.Unfilled)
	})
}

// A write while the store is down is made, reported and invalidated when it is back.
func TestWriteWithoutAStoreIsInvalidatedWhenItIsBack(t *testing.T) {
	b := newBed(t)
	for name, how := range map[string]cachet.Strategy{
		"plain": aside.Strategy{}, "fenced": aside.Strategy{Fence: time.Minute}, "probation": aside.Strategy{ReplicaLag: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v1"})
				st := &broken{Store: p}
				cfg := src.config(false)
				cfg.Strategy = how
				c := open(t, st, cfg)
				require.Equal(t, "v1", get(t, c))
				st.down.Store(true)
				var ierr *cachet.InvalidationError
				require.ErrorAs(t, c.Update(t.Context(), "k", src.write("k", "v2")), &ierr)
				require.Equal(t, "v2", get(t, c), "it is read from the source")
				st.down.Store(false)
				until(t, "the retry delivers", func() bool { return c.Stats().Pending == 0 })
				require.Equal(t, "v2", get(t, c))
			})
		})
	}
}

// The store goes down while a load runs: its caller has the value all the same, and the key is free within the time of a
// lease.
func TestLoadSurvivesTheStore(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		st := &broken{Store: p}
		c := open(t, st, src.config(false))
		leader := reader(t.Context(), c, "k")
		load.awaitRead(t)
		st.down.Store(true)
		follower := reader(t.Context(), c, "k")
		until(t, "another joins", func() bool { return c.Stats().Merged == 1 })
		load.resume()
		allRead(t, "v1", []<-chan answer{leader, follower})
		st.down.Store(false)
		start := time.Now()
		require.Equal(t, "v1", get(t, c))
		require.LessOrEqual(t, time.Since(start), p.about(1100*time.Millisecond))
		until(t, "it is stored", func() bool { get(t, c); return isStored(t, c) })
	})
}
