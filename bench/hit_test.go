package bench_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/cachet-go/cachet"
)

// sizes of records, in bytes.
var sizes = []int{100, 300, 10_000}

// A hit against GET and decode.
func BenchmarkHit(b *testing.B) {
	for _, size := range sizes {
		b.Run(fmt.Sprint(size), func(b *testing.B) { hit(b, newRig(b), size) })
	}
	b.Run("EarlyRefresh", func(b *testing.B) {
		hit(b, newRig(b, func(c *cachet.Config[int64, product]) { c.EarlyRefresh = 1 }), 300)
	})
}

func hit(b *testing.B, r *rig, size int) {
	b.Helper()
	r.size = size
	ids, plain := r.fill(b, 1)
	pair(b,
		func() error { _, err := r.cache.Get(context.Background(), ids[0]); return err },
		func() error { return r.get(plain[0]) })
}

// A record that is known not to exist against a GET of what stands for it.
func BenchmarkNullHit(b *testing.B) {
	r := newRig(b)
	require.NoError(b, r.client.Set(b.Context(), "plain:-1", "", time.Hour).Err())
	pair(b,
		func() error {
			if _, err := r.cache.Get(context.Background(), -1); !errors.Is(err, cachet.ErrNotFound) {
				return fmt.Errorf("it was found: %w", err)
			}
			return nil
		},
		func() error { return r.client.Get(context.Background(), "plain:-1").Err() })
}

// Hits of many callers at once, of any of a thousand records, against as many GETs; and of one that all want.
func BenchmarkHitsAtOnce(b *testing.B) {
	for _, callers := range []int{1, 2, 4, 8, 16, 32, 128, 512} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) { hitsAtOnce(b, callers, 1000) })
	}
	b.Run("128, one record", func(b *testing.B) { hitsAtOnce(b, 128, 1) })
}

func hitsAtOnce(b *testing.B, callers, records int) {
	b.Helper()
	r := newRig(b)
	ids, plain := r.fill(b, records)
	crowds(b, callers,
		func() error { _, err := r.cache.Get(context.Background(), ids[rand.IntN(records)]); return err },
		func() error { return r.get(plain[rand.IntN(records)]) })
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
