package cachet_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
)

// The load outlasts its lease, which is not renewed. v2 is written; there is nothing to delete. The fill finds nothing
// in its way, and no lease either.
func TestALoadThatHasOutlivedItsLeaseStoresNothing(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		before := l.Before
		l.Before = func(ctx context.Context, c chaosstore.Call) error {
			if c.Op == chaosstore.OpRenew {
				return errLine
			}
			return before(ctx, c)
		}
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		c := open(t, l, src.config(false))
		leader := reader(t.Context(), c, "k")
		load.awaitRead(t)
		until(t, "the lease lapses", func() bool { return holds(t, p) == store.Missing })
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		load.resume()
		require.NoError(t, receive(t, "the leader", leader).err)
		require.EqualValues(t, 1, c.Stats().Refused)
		require.Equal(t, store.Missing, holds(t, p))
		require.Equal(t, "v2", get(t, c))
	})
}

// All leases of a batch are taken before its load begins. b is written while it runs: of the fills, that of b is
// refused.
func TestABatchIsLeasedBeforeItIsReadAndFilledKeyByKey(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"a": "v1", "b": "v1", "c": "v1"})
		load := src.hold(t, 1)
		var before []store.Record
		var looked error
		c := open(t, p, cachet.Config[string, string]{
			LoadMany: func(ctx context.Context, keys []string) (map[string]string, error) {
				if src.count() == 0 {
					before, looked = p.GetMany(ctx, []string{"test:a", "test:b", "test:c"})
				}
				return src.LoadMany(ctx, keys)
			},
		})
		batch := batchReader(t.Context(), c, "a", "b", "c")
		load.awaitRead(t)
		require.NoError(t, looked)
		for _, rec := range before {
			require.Equal(t, store.Lease, rec.Kind)
		}
		require.NoError(t, c.Update(t.Context(), "b", src.write("b", "v2")))
		load.resume()
		allRead(t, "v1", []<-chan answer{batch})
		require.EqualValues(t, 1, c.Stats().Refused)
		recs, err := p.GetMany(t.Context(), []string{"test:a", "test:b", "test:c"})
		require.NoError(t, err)
		require.Equal(t, []store.Kind{store.Value, store.Missing, store.Value},
			[]store.Kind{recs[0].Kind, recs[1].Kind, recs[2].Kind})
		allRead(t, "v2", []<-chan answer{reader(t.Context(), c, "b")})
	})
}

// A process dies while it loads: nothing more is heard of it. Another, which waits, loads when the lease has lapsed.
func TestTheLeaseOfADeadProcessIsWaitedOutOnce(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		dead, alive := open(t, l, src.config(false)), open(t, p, src.config(false))
		leader := reader(t.Context(), dead, "k")
		load.awaitRead(t)
		l.cut.Store(true)
		var waiting []<-chan answer
		for range 10 {
			waiting = append(waiting, reader(t.Context(), alive, "k"))
		}
		for _, w := range waiting {
			a := receive(t, "one that waits", w)
			require.NoError(t, a.err)
			require.Equal(t, "v1", a.value)
			if p.inBubble() {
				require.LessOrEqual(t, a.took, 1100*time.Millisecond, "a lease, and a look of the poll")
			}
		}
		require.Equal(t, 2, src.count())
		load.resume()
		require.NoError(t, receive(t, "the leader", leader).err)
	})
}

// A refresh is under way. The record is deleted from the source, and the refresh comes back with what it had read.
func TestRefreshDoesNotBringADeletedRecordBack(t *testing.T) {
	b := newBed(t)
	for _, batch := range []bool{false, true} {
		b.each(t, func(t *testing.T, p place) {
			src := newSource(map[string]string{"k": "v1"})
			refresh := src.hold(t, 2)
			c := open(t, p, lasting(src, batch))
			require.Equal(t, "v1", get(t, c))
			awaitStale(t, c, "k")
			require.Equal(t, "v1", get(t, c))
			refresh.awaitRead(t)
			require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
				src.mu.Lock()
				defer src.mu.Unlock()
				delete(src.rows, "k")
				return nil
			}))
			refresh.resume()
			until(t, "the refresh ends", func() bool { return c.Stats().Refused == 1 })
			_, err := c.Get(t.Context(), "k")
			require.ErrorIs(t, err, cachet.ErrNotFound)
		})
	}
}

// A refresh is under way. v2 is written and stored, and the refresh fails. v2 stays, and is not taken for stale.
func TestAFailedRefreshLeavesWhatWasWrittenMeanwhileAlone(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		reading, fail := make(chan struct{}), make(chan struct{})
		calls := 0
		cfg := lasting(src, false)
		cfg.TTL = 500 * time.Millisecond
		cfg.Load = func(ctx context.Context, key string) (string, error) {
			calls++
			if calls == 2 {
				close(reading)
				<-fail
				return "", errSource
			}
			return src.Load(ctx, key)
		}
		c := open(t, p, cfg)
		require.Equal(t, "v1", get(t, c))
		awaitStale(t, c, "k")
		require.Equal(t, "v1", get(t, c))
		receive(t, "the refresh", reading)
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		require.Equal(t, "v2", get(t, c))
		stored, err := p.Get(t.Context(), "test:k")
		require.NoError(t, err)
		close(fail)
		until(t, "the refresh fails", func() bool { return c.Stats().LoadErrors == 1 })
		settled()
		after, err := p.Get(t.Context(), "test:k")
		require.NoError(t, err)
		require.Equal(t, stored, after)
		require.Equal(t, "v2", get(t, c))
	})
}
