package bench_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A miss against GET, load, SET. A lease is a round trip that neither of these makes, so the less the source takes the
// more it weighs.
func BenchmarkMiss(b *testing.B) {
	for _, source := range []time.Duration{0, time.Millisecond, 5 * time.Millisecond} {
		b.Run(source.String(), func(b *testing.B) {
			r := newRig(b)
			r.source = source
			var mine, theirs int64
			pair(b,
				func() error { mine++; _, err := r.cache.Get(context.Background(), mine); return err },
				func() error { theirs++; return r.naive(theirs) })
		})
	}
}

func TestAMissSendsThreeCommands(t *testing.T) {
	r := newRig(t)
	_, err := r.cache.Get(t.Context(), 1) // loads the scripts
	require.NoError(t, err)
	commands, _ := r.sent.During(func() {
		_, err := r.cache.Get(t.Context(), 2)
		require.NoError(t, err)
	})
	require.EqualValues(t, 3, commands)
}
