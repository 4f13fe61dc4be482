package scenario

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
	"github.com/cachet-go/cachet/internal/redistest"
)

// One lock, which one goroutine takes and lets go of, or 32 fight for. The reference is SET NX PX and a script that
// releases, which nobody contends with.
var locks = Scenario{
	Name: result.Locks, Cases: []string{"uncontended", "1 instance of 32", "8 instances of 4"}, Locks: true,
	Fits: func(adapter.Library, string) bool { return false },
	run: func(ctx context.Context, e *env, of string) error {
		cfg := e.config(&source{})
		raw := adapter.NewRawLock(cfg)
		defer raw.Close() //nolint:errcheck // nothing is lost
		instances := 1
		if of == "8 instances of 4" {
			instances = 8
		}
		sent := new(redistest.Sent)
		if of != "uncontended" { // counting costs a little
			cfg.Sent = sent
		}
		lockers := make([]adapter.Locker, instances)
		for i := range lockers {
			l, err := e.lock.New(cfg)
			if err != nil {
				return err
			}
			lockers[i] = l
			e.closers = append(e.closers, l.Close)
		}
		if of == "uncontended" {
			mine, theirs, err := pair(e.span(3*time.Second),
				func() error { return cycle(ctx, lockers[0]) },
				func() error { return raw.Cycle(ctx) })
			e.set("us", us(mine))
			e.set("reference_us", us(theirs))
			e.set("ratio", float64(mine)/float64(theirs))
			return err
		}
		return hotLock(ctx, e, lockers, raw, sent)
	},
}

func cycle(ctx context.Context, l adapter.Locker) error {
	unlock, err := l.Lock(ctx, "hot")
	if err != nil {
		return err
	}
	return unlock()
}

// hotLock alternates stretches of the raw reference and of 32 goroutines that all want the lock.
func hotLock(
	ctx context.Context, e *env, lockers []adapter.Locker, raw *adapter.RawLock, sent *redistest.Sent,
) error {
	const goroutines = 32
	stretch := e.span(time.Second)
	counts := make([]int64, goroutines)
	errs := make([]error, goroutines)
	var longest [goroutines]time.Duration
	var inside, broken atomic.Int64
	var bare, ours int64
	var bareTime, oursTime time.Duration
	contend := func(i int, end time.Time) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		asked := time.Now()
		unlock, err := lockers[i%len(lockers)].Lock(ctx, "hot")
		if err != nil {
			return err
		}
		longest[i] = max(longest[i], time.Since(asked))
		if inside.Add(1) > 1 {
			broken.Add(1)
		}
		if time.Now().Before(end) {
			counts[i]++
		}
		inside.Add(-1)
		return unlock()
	}
	for range 3 {
		start := time.Now()
		for end := start.Add(stretch / 2); time.Now().Before(end); bare++ {
			if err := raw.Cycle(ctx); err != nil {
				return err
			}
		}
		bareTime += time.Since(start)
		var all sync.WaitGroup
		end := time.Now().Add(stretch)
		for i := range goroutines {
			all.Go(func() {
				for time.Now().Before(end) && errs[i] == nil {
					errs[i] = contend(i, end)
				}
			})
		}
		all.Wait()
		oursTime += stretch
	}
	var sum, squares float64
	for _, n := range counts {
		ours += n
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	if ours == 0 {
		return errors.Join(errs...)
	}
	perSecond, reference := float64(ours)/oursTime.Seconds(), float64(bare)/bareTime.Seconds()
	failed := 0
	for _, err := range errs {
		if err != nil {
			failed++
		}
	}
	if n := sent.Commands.Load(); n > 0 { // the library's client can be watched
		e.set("requests", float64(n)/float64(ours))
	}
	e.set("per_second", perSecond)
	e.set("throughput_to_raw", perSecond/reference)
	e.set("jain", sum*sum/(goroutines*squares))
	e.set("starved", float64(countOf(counts, 0)))
	e.set("longest_ms", ms(slices.Max(longest[:])))
	e.set("gave_up", float64(failed))
	if broken.Load() > 0 {
		return fmt.Errorf("two held the lock at once, %d times", broken.Load())
	}
	return nil
}

func countOf(all []int64, what int64) (n int) {
	for _, v := range all {
		if v == what {
			n++
		}
	}
	return n
}
