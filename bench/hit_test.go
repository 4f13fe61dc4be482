package bench_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"
)

// A hit against GET and decode.
func BenchmarkHit(b *testing.B) {
	r := newRig(b)
	ids, plain := r.fill(b, 1)
	pair(b,
		func() error { _, err := r.cache.Get(context.Background(), ids[0]); return err },
		func() error { return r.get(plain[0]) })
}

// Hits of many callers at once against as many GETs.
func BenchmarkHitsAtOnce(b *testing.B) {
	for _, callers := range []int{1, 16, 32, 128, 512} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			r := newRig(b)
			ids, plain := r.fill(b, 1)
			crowds(b, callers,
				func() error { _, err := r.cache.Get(context.Background(), ids[0]); return err },
				func() error { return r.get(plain[0]) })
		})
	}
}

func TestAHitAllocatesTwiceMoreThanGetAndDecodeAtMost(t *testing.T) {
	r := newRig(t)
	ids, plain := r.fill(t, 1)
	raw := testing.AllocsPerRun(1000, func() { _ = r.get(plain[0]) })
	ours := testing.AllocsPerRun(1000, func() { _, _ = r.cache.Get(context.Background(), ids[0]) })
	t.Logf("GET and decode %v, ours %v", raw, ours)
	require.LessOrEqual(t, ours, raw+2)
}

// GetMany of a hundred against MGET and decode.
func BenchmarkGetMany(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := newRig(b)
			ids, plain := r.fill(b, n)
			pair(b,
				func() error { _, err := r.cache.GetMany(context.Background(), ids); return err },
				func() error {
					values, err := r.client.MGet(context.Background(), plain...).Result()
					if err != nil {
						return err
					}
					found := make(map[int64]product, len(values))
					for i, v := range values {
						var p product
						if err := msgpack.Unmarshal([]byte(v.(string)), &p); err != nil {
							return err
						}
						found[ids[i]] = p
					}
					return nil
				})
		})
	}
}
