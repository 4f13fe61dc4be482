package scenario

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pair runs an operation and its reference turn about, and returns the medians of both. Which goes first alternates
// too: the second finds warm caches.
func pair(span time.Duration, ours, reference func() error) (mine, theirs time.Duration, err error) {
	var took [2][]time.Duration
	run := [2]func() error{ours, reference}
	end := time.Now().Add(span)
	for i := 0; time.Now().Before(end); i++ {
		for _, which := range [2]int{i % 2, 1 - i%2} {
			start := time.Now()
			if err := run[which](); err != nil {
				return 0, 0, err
			}
			took[which] = append(took[which], time.Since(start))
		}
	}
	return median(took[0]), median(took[1]), nil
}

// crowds is pair for many callers at once, in turns of about a tenth of the span each.
func crowds(callers int, span time.Duration, ours, reference func() error) (mine, theirs time.Duration, err error) {
	var failed atomic.Pointer[error]
	turn := func(f func() error, n int64) time.Duration {
		var left atomic.Int64
		left.Store(n)
		var all sync.WaitGroup
		start := time.Now()
		for range callers {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					if err := f(); err != nil {
						failed.Store(&err)
						return
					}
				}
			})
		}
		all.Wait()
		return time.Since(start) / time.Duration(n)
	}
	run := [2]func() error{ours, reference}
	var took [2][]time.Duration
	var n [2]int64
	for which, f := range run { // finds out how many make a turn, and warms up
		each := turn(f, 4000)
		n[which] = max(int64(span/10/max(each, 1)), 1000)
	}
	for i := range 7 {
		for _, which := range [2]int{i % 2, 1 - i%2} {
			took[which] = append(took[which], turn(run[which], n[which]))
		}
		if err := failed.Load(); err != nil {
			return 0, 0, *err
		}
	}
	return median(took[0]), median(took[1]), nil
}

func median(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}
