package scenario

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
)

// 100,000 reads of 1,000 records that do not exist, by 64 readers.
var penetration = Scenario{
	Name: result.Penetration, Cases: []string{"1,000 absent records"}, Fits: caches,
	run: func(ctx context.Context, e *env, _ string) error {
		src := &source{absent: true}
		c, err := e.cache(src)
		if err != nil {
			return err
		}
		total := int64(e.times(100_000))
		var next, wrong atomic.Int64
		var last atomic.Value
		start := time.Now()
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				for n := next.Add(1); n <= total; n = next.Add(1) {
					// A stride that is coprime to 1,000 visits all of them, in no order that a batch could use.
					if _, err := c.Get(ctx, n*617%1000); !errors.Is(err, adapter.ErrAbsent) {
						wrong.Add(1)
						last.Store(fmt.Sprint(err))
					}
				}
			})
		}
		group.Wait()
		if wrong.Load() == total {
			return fmt.Errorf("no read said that the record is absent, but %v", last.Load())
		}
		e.set("reads", float64(total))
		e.set("loads", float64(src.loads.Load()))
		e.set("wrong", float64(wrong.Load()))
		e.set("seconds", time.Since(start).Seconds())
		return nil
	},
}
