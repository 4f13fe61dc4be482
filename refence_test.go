package cachet_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/store/chaosstore"
)

// A fence that could not be lifted is lifted by the retry: the key can be cached again at once, and not only when
// the fence has lapsed.
func TestRetryLiftsTheFenceThatWasLeft(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var failed atomic.Bool
		st := &chaosstore.Hooked{Store: p, Before: func(_ context.Context, c chaosstore.Call) error {
			if c.Op == chaosstore.OpLift && failed.CompareAndSwap(false, true) {
				return errStore
			}
			return nil
		}}
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.Strategy = aside.Strategy{Fence: time.Hour}
		c := open(t, st, cfg)
		require.ErrorIs(t, c.Update(t.Context(), "k", src.write("k", "v2")), errStore)
		until(t, "the retry has come", func() bool { return c.Stats().Pending == 0 })
		require.Equal(t, "v2", get(t, c))
		hits := c.Stats().Hits
		require.Equal(t, "v2", get(t, c))
		require.Equal(t, hits+1, c.Stats().Hits, "the fence still stands")
	})
}
