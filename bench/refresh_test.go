package bench_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cachet-go/cachet"
)

// Four callers read one record that is kept for 100 ms and takes 5 ms to load. Without early refresh everybody waits
// for the load each time that it expires.
func BenchmarkEarlyRefresh(b *testing.B) {
	for _, beta := range []float64{0, 1} {
		b.Run(fmt.Sprintf("beta=%v", beta), func(b *testing.B) { expiring(b, beta) })
	}
}

func expiring(b *testing.B, beta float64) {
	b.Helper()
	r := newRig(b, func(c *cachet.Config[int64, product]) { c.TTL, c.EarlyRefresh = 100*time.Millisecond, beta })
	r.source = 5 * time.Millisecond
	var mu sync.Mutex
	var took []time.Duration
	for b.Loop() {
		end := time.Now().Add(500 * time.Millisecond)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				var mine []time.Duration
				for start := time.Now(); start.Before(end); start = time.Now() {
					if _, err := r.cache.Get(context.Background(), 1); err != nil {
						b.Error(err)
						return
					}
					mine = append(mine, time.Since(start))
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, mine...)
			})
		}
		all.Wait()
	}
	slices.Sort(took)
	waited := 0
	for _, d := range took {
		if d >= r.source {
			waited++
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took[len(took)/2])/1e3, "p50-µs")
	b.ReportMetric(float64(waited)/float64(r.loads.Load()), "waits/load")
	b.ReportMetric(float64(waited)/float64(len(took))*1e6, "waits/million")
}
