package cachet_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
)

// Leasing and filling so many keys takes longer than a lease lasts by itself.
func TestBatchThatOutlastsALeaseIsStored(t *testing.T) {
	newBed(t).real(t, func(t *testing.T, p place) {
		keys := make([]int, 30_000)
		for i := range keys {
			keys[i] = i
		}
		loads := 0
		c := open(t, p, cachet.Config[int, int]{
			Name: "huge",
			LoadMany: func(_ context.Context, keys []int) (map[int]int, error) {
				loads++
				m := make(map[int]int, len(keys))
				for _, k := range keys {
					m[k] = k
				}
				return m, nil
			},
		})
		for range 2 {
			got, err := c.GetMany(t.Context(), keys)
			require.NoError(t, err)
			require.Len(t, got, len(keys))
		}
		require.Equal(t, 1, loads)
		require.Zero(t, c.Stats().Refused)
	})
}
