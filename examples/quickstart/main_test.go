package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCachetServesNothingStale(t *testing.T) {
	var out strings.Builder
	results, err := run(t.Context(), &out, config{
		total: 2 * time.Second, readers: 32, writers: 4, products: 200, stall: 20 * time.Millisecond, seed: 7,
	})
	require.NoError(t, err)
	t.Log(out.String())
	require.Len(t, results, 2)
	for _, r := range results {
		require.NoError(t, r.failure, r.side)
		require.Positive(t, r.reads, r.side)
		require.Positive(t, r.writes, r.side)
		require.Less(t, r.queries, r.reads, r.side)
	}
	require.Zero(t, results[0].stale)
	require.Zero(t, results[0].wrong)
}

func TestCountSetsThousandsApart(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, count(n))
	}
}
