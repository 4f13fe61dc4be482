package bench_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store/redisstore"
)

// A thousand readers of four instances ask at once for a record that nobody has. The reference of their wait is the load
// itself.
func BenchmarkStampede(b *testing.B) {
	for _, source := range []time.Duration{20 * time.Millisecond, 200 * time.Millisecond} {
		b.Run(source.String(), func(b *testing.B) { stampede(b, source) })
	}
}

func stampede(b *testing.B, source time.Duration) {
	b.Helper()
	r := newRig(b)
	r.source = source
	caches := []*cachet.Cache[int64, product]{r.cache}
	for range 3 {
		st := redisstore.New(r.server.Client(b), redisstore.Options{})
		b.Cleanup(func() { _ = st.Close() })
		caches = append(caches, r.open(b, st))
	}
	const readers = 1000
	var waits []time.Duration
	var id int64
	round := func() {
		id++
		took := make([]time.Duration, readers)
		start := make(chan struct{})
		var began time.Time
		var all sync.WaitGroup
		for i := range readers {
			all.Go(func() {
				<-start
				if _, err := caches[i%len(caches)].Get(context.Background(), id); err != nil {
					b.Error(err)
				}
				took[i] = time.Since(began)
			})
		}
		time.Sleep(20 * time.Millisecond) // let them line up
		began = time.Now()
		close(start)
		all.Wait()
		waits = append(waits, took...)
	}
	round() // opens the connections
	waits = nil
	n, loads := 0, r.loads.Load()
	for b.Loop() {
		n++
		round()
	}
	slices.Sort(waits)
	p99 := waits[len(waits)*99/100]
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(r.loads.Load()-loads)/float64(n), "loads")
	b.ReportMetric(waits[len(waits)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(p99.Seconds()*1e3, "p99-ms")
	b.ReportMetric(float64(p99)/float64(source), "p99-x-load")
}
