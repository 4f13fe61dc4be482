package cachet_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

// grudging gives no leases.
type grudging struct{ *memstore.Store }

func (grudging) Lease(_ context.Context, asks ...store.Ask) []store.Grant {
	grants := make([]store.Grant, len(asks))
	for i := range grants {
		grants[i].Err = errors.New("down")
	}
	return grants
}

// A hook that panics is recovered from by many a server. Whoever comes next must not wait for the load of the request
// that it has ended.
func TestAHookThatPanicsLeavesNoFlightBehind(t *testing.T) {
	var told atomic.Bool
	c := cachet.Must(cachet.New(grudging{memstore.New()}, cachet.Config[string, string]{
		Name: "test", Load: func(context.Context, string) (string, error) { return "v", nil },
		Hooks: cachet.Hooks{Error: func(context.Context, error) {
			if told.CompareAndSwap(false, true) {
				panic("boom")
			}
		}},
	}))
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.PanicsWithValue(t, "boom", func() { _, _ = c.Get(t.Context(), "k") })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	v, err := c.Get(ctx, "k")
	require.NoError(t, err)
	require.Equal(t, "v", v)
}
