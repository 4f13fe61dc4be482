package redisstore_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

// A hit must cost what the client's GET costs.
func BenchmarkGet(b *testing.B) {
	server := redistest.Start(b)
	client := server.Client(b)
	st := open(b, client)
	key := names(1)[0] // no constant, which would cost an allocation less
	held := lease(b, st, key)
	require.True(b, offer(b, st, held, strings.Repeat("x", 256)))
	require.NoError(b, client.PExpire(b.Context(), key, time.Hour).Err())
	b.Run("raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.Get(b.Context(), key).Bytes(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("store", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if rec, err := st.Get(b.Context(), key); err != nil || rec.Kind != store.Value {
				b.Fatal(rec, err)
			}
		}
	})
}

// The one is for the detour through the hooks of the client.
func TestGetAllocatesOnceMoreThanTheClientAtMost(t *testing.T) {
	client := redistest.Start(t).Client(t)
	st := open(t, client)
	key := names(1)[0]
	value(t, st, key, "v")
	raw := testing.AllocsPerRun(500, func() { _, _ = client.Get(t.Context(), key).Bytes() })
	ours := testing.AllocsPerRun(500, func() { _, _ = st.Get(t.Context(), key) })
	require.LessOrEqual(t, ours, raw+1)
}

func BenchmarkGetMany(b *testing.B) {
	server := redistest.Start(b)
	client := server.Client(b)
	st := open(b, client)
	keys := names(100)
	for _, key := range keys {
		held := lease(b, st, key)
		require.True(b, offer(b, st, held, strings.Repeat("x", 256)))
		require.NoError(b, client.PExpire(b.Context(), key, time.Hour).Err())
	}
	b.Run("raw", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.MGet(b.Context(), keys...).Result(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("store", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := st.GetMany(b.Context(), keys); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A miss is a lease and a fill.
func BenchmarkMiss(b *testing.B) {
	server := redistest.Start(b)
	st := open(b, server.Client(b))
	payload := []byte(strings.Repeat("x", 256))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		key := fmt.Sprint("k", n)
		g := st.Lease(b.Context(), store.Ask{Key: key})[0]
		held := store.Held{Key: key, Stamp: g.Stamp}
		if v := st.Fill(b.Context(), store.Fill{Held: held, Payload: payload, TTL: time.Minute})[0]; !v.Accepted {
			b.Fatal(g, v)
		}
	}
}

func BenchmarkInvalidate(b *testing.B) {
	server := redistest.Start(b)
	st := open(b, server.Client(b))
	for name, do := range map[string]func() error{
		"Invalidate": func() error { return st.Invalidate(b.Context(), "k") },
		"Lift":       func() error { return st.Lift(b.Context(), 0, 0, "k") },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := do(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Many callers at once share writes and reads, few of them pay nothing for that.
func BenchmarkGetOfMany(b *testing.B) {
	server := redistest.Start(b)
	client := server.Client(b)
	st := open(b, client)
	key := names(1)[0]
	held := lease(b, st, key)
	require.True(b, offer(b, st, held, strings.Repeat("x", 256)))
	require.NoError(b, client.PExpire(b.Context(), key, time.Hour).Err())
	ways := map[string]func() error{
		"raw":   func() error { _, err := client.Get(b.Context(), key).Bytes(); return err },
		"store": func() error { _, err := st.Get(b.Context(), key); return err },
	}
	for _, callers := range []int{1, 16, 32, 128, 512} {
		for _, way := range []string{"raw", "store"} {
			b.Run(fmt.Sprintf("%s-%d", way, callers), func(b *testing.B) {
				b.ReportAllocs()
				var left atomic.Int64
				left.Store(int64(b.N))
				var all sync.WaitGroup
				for range callers {
					all.Go(func() {
						for left.Add(-1) >= 0 {
							if err := ways[way](); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
			})
		}
	}
}
