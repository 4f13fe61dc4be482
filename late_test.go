package cachet_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/codec"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
)

// holds tells what is stored under the key k.
func holds(t *testing.T, p place) store.Kind {
	t.Helper()
	rec, err := p.Get(t.Context(), "test:k")
	require.NoError(t, err)
	return rec.Kind
}

// The load has read v1, the fill is sent and held up. v2 is written and acknowledged, and stored by the next who
// asks. Only now the fill arrives.
func TestAFillThatIsHeldUpUntilAfterAWriteStoresNothing(t *testing.T) {
	b := newBed(t)
	for strategy, how := range strategies {
		for name, write := range writers {
			t.Run(strategy+"/"+name, func(t *testing.T) {
				b.each(t, func(t *testing.T, p place) {
					l, src := newLine(p), newSource(map[string]string{"k": "v1"})
					cfg := src.config(false)
					cfg.Strategy = how
					c := open(t, l, cfg)
					fill := l.request(chaosstore.OpFill)
					leader := reader(t.Context(), c, "k")
					receive(t, "the fill is sent", fill.arrived)
					require.NoError(t, write(t.Context(), c, src, "k", "v2"))
					allRead(t, "v2", joins(t.Context(), c))
					fill.pass <- nil
					allRead(t, "v1", []<-chan answer{leader})
					require.EqualValues(t, 1, c.Stats().Refused)
					allRead(t, "v2", joins(t.Context(), c))
				})
			})
		}
	}
}

// The leader is told that its fill has failed. The fill arrives all the same, when v2 stands there.
func TestAFillThatArrivesAfterTheNextOneStoresNothing(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		c := open(t, l, src.config(false))
		fill := l.request(chaosstore.OpFill)
		leader := reader(t.Context(), c, "k")
		late := fill.lose(t)
		allRead(t, "v1", []<-chan answer{leader})
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		require.Equal(t, "v2", get(t, c))
		require.Equal(t, store.Value, holds(t, p))
		require.NoError(t, late.Again(t.Context()))
		require.Equal(t, "v2", get(t, c))
		require.Equal(t, 2, src.count())
	})
}

// The refresh of a stale record is told that its fill has failed. v2 is written and stored, and the fill arrives.
func TestAFillOfARefreshThatArrivesAfterAWriteStoresNothing(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		c := open(t, l, lasting(src, false))
		require.Equal(t, "v1", get(t, c))
		awaitStale(t, c, "k")
		fill := l.request(chaosstore.OpFill)
		require.Equal(t, "v1", get(t, c))
		late := fill.lose(t)
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		require.NoError(t, late.Again(t.Context()))
		require.Equal(t, store.Missing, holds(t, p))
		require.Equal(t, "v2", get(t, c))
		require.NoError(t, late.Again(t.Context()))
		require.Equal(t, "v2", get(t, c))
	})
}

// The request for a lease is repeated, and the copy arrives when the record has been read, written and deleted. It
// is granted, to nobody. What was read before the write does not get in by it.
func TestALeaseThatIsGrantedOnceMoreAfterAWriteAdmitsNoFill(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		c := open(t, l, src.config(false))
		lease := l.request(chaosstore.OpLease)
		leader := reader(t.Context(), c, "k")
		copied := receive(t, "the request", lease.arrived)
		lease.pass <- nil
		load.awaitRead(t)
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		require.NoError(t, copied.Again(t.Context()))
		require.Equal(t, store.Lease, holds(t, p), "the copy is not granted")
		load.resume()
		require.NoError(t, receive(t, "the leader", leader).err)
		require.EqualValues(t, 1, c.Stats().Refused)
		require.Equal(t, store.Lease, holds(t, p))
		require.Equal(t, "v2", get(t, c), "when the lease of nobody has lapsed")
	})
}

// A load fails. Its release is held up until the next load has a lease, which stays where it is.
func TestAReleaseThatArrivesLateLeavesTheNextLeaseAlone(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		cfg, failed := src.config(false), false
		cfg.Load = func(ctx context.Context, key string) (string, error) {
			if !failed {
				failed = true
				return "", errSource
			}
			return src.Load(ctx, key)
		}
		c := open(t, l, cfg)
		release := l.request(chaosstore.OpRelease)
		first := reader(t.Context(), c, "k")
		late := release.lose(t)
		require.ErrorIs(t, receive(t, "the first", first).err, errSource)
		require.NoError(t, c.Invalidate(t.Context(), "k"))
		second := reader(t.Context(), c, "k")
		load.awaitRead(t)
		require.NoError(t, late.Again(t.Context()))
		require.Equal(t, store.Lease, holds(t, p))
		load.resume()
		allRead(t, "v1", []<-chan answer{second})
		require.Equal(t, store.Value, holds(t, p), "its fill was refused")
	})
}

// The renewal of a lease is held up until the lease has been deleted. It does not bring it back.
func TestARenewalThatArrivesAfterAWriteRevivesNothing(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		load := src.hold(t, 1)
		c := open(t, l, src.config(false))
		renewal := l.request(chaosstore.OpRenew)
		leader := reader(t.Context(), c, "k")
		load.awaitRead(t)
		late := renewal.lose(t)
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		require.NoError(t, late.Again(t.Context()))
		require.Equal(t, store.Missing, holds(t, p))
		load.resume()
		require.NoError(t, receive(t, "the leader", leader).err)
		require.EqualValues(t, 1, c.Stats().Refused)
		require.Equal(t, "v2", get(t, c))
	})
}

// The writer gives its fence up and writes. The fence arrives afterwards, and nobody will lift it. It costs loads
// until it has lapsed.
func TestAFenceThatArrivesAfterItsWriteLapses(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.Strategy = aside.Strategy{Fence: 200 * time.Millisecond}
		c := open(t, l, cfg)
		fence := l.request(chaosstore.OpFence)
		written := make(chan error, 1)
		go func() { written <- c.Update(t.Context(), "k", src.write("k", "v2")) }()
		late := fence.lose(t)
		require.NoError(t, receive(t, "the write", written))
		require.NoError(t, late.Again(t.Context()))
		require.Equal(t, store.Fence, holds(t, p))
		until(t, "what is read is stored again", func() bool {
			require.Equal(t, "v2", get(t, c))
			return isStored(t, c)
		})
	})
}

// W1 lifts its fence; the request is held up. W2 fences, and W1's lift arrives. W2's fence stands.
func TestALiftThatArrivesLateLeavesTheFenceOfTheNextWriter(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		fenced(&cfg)
		c := open(t, l, cfg)
		lift := l.request(chaosstore.OpLift)
		first := make(chan error, 1)
		go func() { first <- c.Update(t.Context(), "k", src.write("k", "v2")) }()
		late := lift.lose(t)
		require.ErrorIs(t, receive(t, "the first write", first), errLine)
		until(t, "it is repeated", func() bool { return c.Stats().Pending == 0 })
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			require.NoError(t, late.Again(t.Context()))
			require.Equal(t, store.Fence, holds(t, p))
			require.Equal(t, "v2", get(t, c))
			require.False(t, isStored(t, c))
			src.set("k", "v3")
			return nil
		}))
		require.Equal(t, "v3", get(t, c))
		require.True(t, isStored(t, c))
	})
}

// The invalidation was executed, its reply is lost. The write is not acknowledged, nothing stale is read, and what is
// repeated does no harm.
func TestAnInvalidationWhoseReplyIsLostIsRepeated(t *testing.T) {
	overLine(t, func(t *testing.T, _ place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		c := open(t, l, src.config(false))
		require.Equal(t, "v1", get(t, c))
		l.reply(chaosstore.OpInvalidate).pass <- errLine
		err := c.Update(t.Context(), "k", src.write("k", "v2"))
		var missed *cachet.InvalidationError
		require.ErrorAs(t, err, &missed)
		require.ErrorIs(t, err, errLine)
		require.Equal(t, "v2", get(t, c))
		until(t, "it is repeated", func() bool { return c.Stats().Pending == 0 })
		require.Equal(t, "v2", get(t, c))
	})
}

// A reader finds a record that it cannot decode, and asks for it to be discarded; the request is held up. Meanwhile
// another has replaced it. What is good is not discarded.
func TestARepairThatArrivesLateLeavesTheRepairedRecordAlone(t *testing.T) {
	overLine(t, func(t *testing.T, p place, l *line) {
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.Codec = strict{codec.JSON}
		here, there := open(t, l, cfg), open(t, p, cfg)
		spoil(t, p, "test:k", "strict")
		discard := l.request(chaosstore.OpLease)
		slow := reader(t.Context(), here, "k")
		receive(t, "the request", discard.arrived)
		require.Equal(t, "v1", get(t, there))
		discard.pass <- nil
		allRead(t, "v1", []<-chan answer{slow})
		require.Equal(t, store.Value, holds(t, p))
		require.Equal(t, 1, src.count())
	})
}
