package bench_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Invalidate against DEL.
func BenchmarkInvalidate(b *testing.B) {
	r := newRig(b)
	pair(b,
		func() error { return r.cache.Invalidate(context.Background(), 1) },
		func() error { return r.client.Del(context.Background(), "plain:1").Err() })
}

// A hundred keys against a pipeline of DELs.
func BenchmarkInvalidateMany(b *testing.B) {
	r := newRig(b)
	ids, plain := r.fill(b, 100)
	pair(b,
		func() error { return r.cache.Invalidate(context.Background(), ids...) },
		func() error {
			pipe := r.client.Pipeline()
			for _, key := range plain {
				pipe.Del(context.Background(), key)
			}
			_, err := pipe.Exec(context.Background())
			return err
		})
}

func TestAnInvalidationOfAHundredKeysIsOneCommand(t *testing.T) {
	r := newRig(t)
	ids, _ := r.fill(t, 100)
	commands, trips := r.sent.During(func() { require.NoError(t, r.cache.Invalidate(t.Context(), ids...)) })
	require.EqualValues(t, 1, commands)
	require.EqualValues(t, 1, trips)
}
