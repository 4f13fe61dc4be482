package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
)

// Two instances, 64 records, 64 readers and 8 writers. One load in four stalls between reading and returning, as a load
// does whose process or network pauses. A read is stale if it began after a write was acknowledged and returned an
// older version. In the end, when nothing is under way, every record is read by each instance once more.
var consistency = Scenario{
	Name: result.Consistency, Cases: []string{"stalls of 50-500 ms", "stalls of 1.5-3 s"}, Fits: caches,
	run: func(ctx context.Context, e *env, of string) error {
		r := &writesAndReads{src: &source{rows: make([]row, 64)}}
		from, to, span, pause := 50*time.Millisecond, 500*time.Millisecond, 8*time.Second, 40*time.Millisecond
		if of == "stalls of 1.5-3 s" {
			from, to, span, pause = 1500*time.Millisecond, 3*time.Second, 12*time.Second, 200*time.Millisecond
		}
		r.src.takesAsMuchAs(func() time.Duration {
			if rand.IntN(4) > 0 {
				return time.Millisecond
			}
			return from + rand.N(to-from)
		})
		var err error
		if r.caches, err = e.instances(r.src, 2); err != nil {
			return err
		}
		r.run(ctx, max(e.span(span), 3*time.Second), pause)
		if r.reads.Load() == 0 {
			return fmt.Errorf("no read succeeded, %d failed", r.failed.Load())
		}
		wrong, unread := r.wrong(ctx)
		e.set("reads", float64(r.reads.Load()))
		e.set("failed", float64(r.failed.Load()))
		e.set("writes", float64(r.writes.Load()))
		e.set("stale", float64(r.stale.Load()))
		e.set("stale_per_million", float64(r.stale.Load())/float64(r.reads.Load())*1e6)
		e.set("wrong_keys", float64(wrong))
		e.set("unread_keys", float64(unread))
		e.set("keys", float64(len(r.src.rows)))
		return nil
	},
}

type writesAndReads struct {
	src    *source
	caches []adapter.Cache

	reads, failed, stale, writes atomic.Int64
}

func (r *writesAndReads) run(ctx context.Context, span, pause time.Duration) {
	const readers, writers = 64, 8
	end := time.Now().Add(span)
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for time.Now().Before(end) {
				r.read(ctx, rand.IntN(len(r.src.rows)))
				time.Sleep(rand.N(2 * time.Millisecond))
			}
		})
	}
	for w := range writers {
		group.Go(func() {
			for time.Now().Before(end) {
				r.write(ctx, rand.IntN(len(r.src.rows)/writers)*writers+w)
				time.Sleep(rand.N(2 * pause))
			}
		})
	}
	group.Wait()
}

//nolint:ireturn // that is what an adapter is
func (r *writesAndReads) either() adapter.Cache { return r.caches[rand.IntN(len(r.caches))] }

func (r *writesAndReads) read(ctx context.Context, id int) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	acked := r.src.rows[id].acked.Load()
	p, err := r.either().Get(ctx, int64(id))
	if err != nil {
		r.failed.Add(1)
		return
	}
	r.reads.Add(1)
	if p.Version < acked {
		r.stale.Add(1)
	}
}

// write is the only writer of a record.
func (r *writesAndReads) write(ctx context.Context, id int) {
	row := &r.src.rows[id]
	err := r.either().Update(ctx, int64(id), func(context.Context) error {
		row.committed.Add(1)
		return nil
	})
	if err == nil {
		r.writes.Add(1)
		row.acked.Store(row.committed.Load())
	}
}

// wrong returns how many records are served in an old version though nothing is under way.
func (r *writesAndReads) wrong(ctx context.Context) (wrong, unread int) {
	r.src.quiet()
	r.src.takesNoTime()
	for id := range r.src.rows {
		var old, failed bool
		for _, c := range r.caches {
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			p, err := c.Get(ctx, int64(id))
			cancel()
			failed = failed || err != nil
			old = old || err == nil && p.Version < r.src.rows[id].committed.Load()
		}
		if old {
			wrong++
		}
		if failed {
			unread++
		}
	}
	return wrong, unread
}
