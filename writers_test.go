package cachet_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
)

// W1: commits v2 → W2: commits v3, DEL → R: stores v3 → W1: DEL. Whatever the order of the last steps, it costs a load.
func TestWritersWhoInvalidateInTheWrongOrderLeaveNothingStale(t *testing.T) {
	underEachStrategy(t, func(t *testing.T, p place, change func(*cachet.Config[string, string])) {
		c, src, _ := cached(t, p, change)
		other := open(t, p, func() cachet.Config[string, string] { cfg := src.config(false); change(&cfg); return cfg }())
		require.NoError(t, c.Update(t.Context(), "k", func(ctx context.Context) error {
			src.set("k", "v2")
			require.NoError(t, other.Update(ctx, "k", src.write("k", "v3")))
			require.Equal(t, "v3", get(t, other))
			return nil
		}))
		require.Equal(t, "v3", get(t, c))
		require.Equal(t, "v3", get(t, other))
	})
}

// W: fences → the fence lapses → R: stores v1 → W: commits v2, lifts. The lift takes whatever stands there.
func TestAWriterThatOutlastsItsFenceLeavesNothingStale(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c, src, _ := cached(t, p, func(cfg *cachet.Config[string, string]) {
			cfg.Strategy = aside.Strategy{Fence: 50 * time.Millisecond}
		})
		require.NoError(t, c.Update(t.Context(), "k", func(context.Context) error {
			until(t, "the fence has lapsed, and v1 is stored", func() bool {
				require.Equal(t, "v1", get(t, c))
				return isStored(t, c)
			})
			src.set("k", "v2")
			return nil
		}))
		require.False(t, isStored(t, c))
		require.Equal(t, "v2", get(t, c))
	})
}

// A transaction that is rolled back costs its readers a load, and not the rest of its fence.
func TestAWriteThatFailsLeavesNoFence(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c, _, _ := cached(t, p, fenced)
		require.ErrorIs(t, c.Update(t.Context(), "k", func(context.Context) error { return errWrite }), errWrite)
		require.Equal(t, "v1", get(t, c))
		require.True(t, isStored(t, c), "the fence stands")
	})
}

// An event out of the log of the database, or of a queue: D: logs the commit → W: DEL, acknowledged → R: reads v1, which is
// still what is visible, fills by a good lease → v2 becomes visible. Probation bounds it.
func TestAnInvalidationThatOvertakesItsCommitIsMadeGoodWithinReplicaLag(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		c, src, _ := cached(t, p, func(cfg *cachet.Config[string, string]) {
			cfg.Strategy = aside.Strategy{ReplicaLag: 200 * time.Millisecond}
		})
		require.NoError(t, c.Invalidate(t.Context(), "k"))
		began := time.Now()
		require.Equal(t, "v1", get(t, c))
		src.set("k", "v2")
		until(t, "v2 is read", func() bool { return get(t, c) == "v2" })
		if p.inBubble() {
			require.LessOrEqual(t, time.Since(began), 201*time.Millisecond)
		}
	})
}
