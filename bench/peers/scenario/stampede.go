package scenario

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/bench/result"
)

// A thousand readers of four instances ask for one record that nobody has. The first stampede is not counted: it opens
// the connections.
var stampede = Scenario{
	Name: result.Stampede, Cases: []string{"load of 20 ms", "load of 200 ms"}, Fits: caches,
	run: func(ctx context.Context, e *env, of string) error {
		load := 20 * time.Millisecond
		if of == "load of 200 ms" {
			load = 200 * time.Millisecond
		}
		src := new(source)
		src.takes(load)
		caches, err := e.instances(src, 4)
		if err != nil {
			return err
		}
		const readers = 1000
		var took []time.Duration
		var loads []int64
		var failed atomic.Int64
		for round := range e.times(15) + 1 {
			before := src.loads.Load()
			times := make([]time.Duration, readers)
			start := make(chan struct{})
			var began time.Time
			var group sync.WaitGroup
			for i := range readers {
				group.Go(func() {
					<-start
					if _, err := caches[i%len(caches)].Get(ctx, int64(round)); err != nil {
						failed.Add(1)
					}
					times[i] = time.Since(began)
				})
			}
			time.Sleep(20 * time.Millisecond) // let them line up
			began = time.Now()
			close(start)
			group.Wait()
			if round > 0 {
				took = append(took, times...)
				loads = append(loads, src.loads.Load()-before)
			}
		}
		if failed.Load() == int64(len(took)+readers) {
			return fmt.Errorf("all %d reads failed", len(took))
		}
		slices.Sort(took)
		slices.Sort(loads)
		e.set("loads", float64(loads[len(loads)/2]))
		e.set("loads_max", float64(loads[len(loads)-1]))
		e.set("p50_ms", ms(took[len(took)/2]))
		e.set("p99_ms", ms(took[len(took)*99/100]))
		e.set("failed", float64(failed.Load()))
		return nil
	},
}
