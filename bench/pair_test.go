package bench_test

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pair runs ours and its reference turn about, and reports the medians and their ratio. Which goes first alternates
// too: the second finds warm caches.
func pair(b *testing.B, ours, reference func() error) {
	b.Helper()
	pairs(b, 1, ours, reference)
}

// pairs is pair for what is shorter than a look at the clock: so many at a time.
func pairs(b *testing.B, n int, ours, reference func() error) {
	b.Helper()
	var mine, theirs []time.Duration
	timed := func(f func() error, all *[]time.Duration) {
		start := time.Now()
		for range n {
			if err := f(); err != nil {
				b.Fatal(err)
			}
		}
		*all = append(*all, time.Since(start)/time.Duration(n))
	}
	for i := 0; b.Loop(); i++ {
		if i%2 == 0 {
			timed(ours, &mine)
			timed(reference, &theirs)
		} else {
			timed(reference, &theirs)
			timed(ours, &mine)
		}
	}
	report(b, median(mine), median(theirs))
}

// crowds is pair for many callers at once, in turns of so many operations each.
func crowds(b *testing.B, callers int, ours, reference func() error) {
	b.Helper()
	const turn = 20_000
	timed := func(f func() error) time.Duration {
		var left atomic.Int64
		left.Store(turn)
		var all sync.WaitGroup
		start := time.Now()
		for range callers {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					if err := f(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		return time.Since(start) / turn
	}
	var mine, theirs []time.Duration
	for b.Loop() {
		mine = append(mine, timed(ours))
		theirs = append(theirs, timed(reference))
	}
	report(b, median(mine), median(theirs))
}

func report(b *testing.B, mine, theirs time.Duration) {
	b.Helper()
	b.ReportMetric(0, "ns/op") // of both together
	b.ReportMetric(float64(mine), "ours-ns/op")
	b.ReportMetric(float64(theirs), "ref-ns/op")
	b.ReportMetric(float64(mine)/float64(theirs), "x-ref")
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
