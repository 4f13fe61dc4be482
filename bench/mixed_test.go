package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// Reads and writes by sixteen callers, of ten thousand records by Zipf's law with an exponent of 1.2 (Yang, Yue and
// Rashmi, "A large scale analysis of hundreds of in-memory cache clusters at Twitter", OSDI 2020). The reference is what
// everybody writes first: GET, load, SET; write, DEL. It lets old values come back.
func BenchmarkMixed(b *testing.B) {
	for _, writes := range []int{5, 35} {
		b.Run(fmt.Sprintf("writes=%d%%", writes), func(b *testing.B) { mixed(b, writes) })
	}
}

func mixed(b *testing.B, writes int) {
	b.Helper()
	r := newRig(b)
	r.source = time.Millisecond
	const records, length = 10_000, 1 << 16
	ids := make([]int64, length) // of a write, the complement
	chance := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(chance, 1.2, 1, records-1)
	for i := range ids {
		ids[i] = int64(zipf.Uint64())
		if chance.IntN(100) < writes {
			ids[i] = ^ids[i]
		}
	}
	write := func(context.Context) error { time.Sleep(r.source); return nil }
	var mine, theirs atomic.Int64
	crowds(b, 16,
		func() error {
			id := ids[mine.Add(1)%length]
			if id < 0 {
				return r.cache.Update(context.Background(), ^id, write)
			}
			_, err := r.cache.Get(context.Background(), id)
			return err
		},
		func() error {
			id := ids[theirs.Add(1)%length]
			if id < 0 {
				_ = write(context.Background())
				return r.client.Del(context.Background(), "plain:"+strconv.FormatInt(^id, 10)).Err()
			}
			return r.naive(id)
		})
}
