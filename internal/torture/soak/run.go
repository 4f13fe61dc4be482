package soak

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
)

// Plan says what to run. All fields are required, but for Chaos.
type Plan struct {
	Stores  []store.Store      // one per instance; instances share the server behind them
	Chaos   chaosstore.Options // what befalls what is asked of the stores until all is over
	Readers int
	Writers int
	Keys    int
	Reads   int64                // ends after so many reads,
	Time    time.Duration        // or after so long,
	ToFirst bool                 // or at the first stale read
	Stall   func() time.Duration // of a load
	Rest    time.Duration        // of a writer between bursts, at most
	Log     io.Writer            // told once per 10 s, and what the caches report
}

// Report is what a run came to.
type Report struct {
	Reads, Writes, Loads   int64
	Stale                  int64 // reads of a version older than acknowledged before they began
	Wrong                  int64 // cached records that differ from the source after quiescence
	Refused, Merged, Waits int64
	Unacknowledged         int64 // writes whose invalidation had to be repeated
	Chaos                  chaosstore.Counts
	Took                   time.Duration
	FirstStale             string
}

func (r Report) String() string {
	return fmt.Sprintf("%d reads in %v (%.0f/s), %d writes, %d loads, %d refused fills, %d merged, %d waits, "+
		"%d not acknowledged, %+v: %d stale, %d wrong at rest %s",
		r.Reads, r.Took.Round(time.Millisecond), float64(r.Reads)/r.Took.Seconds(), r.Writes, r.Loads, r.Refused,
		r.Merged, r.Waits, r.Unacknowledged, r.Chaos, r.Stale, r.Wrong, r.FirstStale)
}

func sum(a, b chaosstore.Counts) chaosstore.Counts {
	return chaosstore.Counts{
		Failed: a.Failed + b.Failed, Late: a.Late + b.Late, Lost: a.Lost + b.Lost,
		Repeated: a.Repeated + b.Repeated, Delayed: a.Delayed + b.Delayed,
	}
}

type run struct {
	plan   Plan
	source *Source
	stores []*chaosstore.Store
	caches []*cachet.Cache[int, Record]
	stop   context.CancelFunc

	reads, writes, unacked, stale atomic.Int64

	mu    sync.Mutex
	first string // guarded by mu
}

// Run runs a plan to its end.
func Run(ctx context.Context, plan Plan) (Report, error) {
	ctx, stop := context.WithTimeout(ctx, plan.Time)
	defer stop()
	r := &run{plan: plan, source: NewSource(plan.Keys, plan.Stall), stop: stop}
	for i, below := range plan.Stores {
		chaos := plan.Chaos
		chaos.Seed += uint64(i)
		st := chaosstore.New(below, chaos)
		r.stores = append(r.stores, st)
		c, err := cachet.New(st, cachet.Config[int, Record]{
			Name:     "torture",
			Load:     r.source.Load,
			LoadMany: r.source.LoadMany,
			TTL:      time.Minute,
			MaxLoads: 1 << 10,
			Hooks:    cachet.Hooks{Error: func(_ context.Context, err error) { fmt.Fprintln(plan.Log, err) }},
		})
		if err != nil {
			return Report{}, err
		}
		r.caches = append(r.caches, c)
	}
	start := time.Now()
	var readers, writers sync.WaitGroup
	for i := range plan.Readers {
		readers.Go(func() { r.read(ctx, r.caches[i%len(r.caches)]) })
	}
	for i := range plan.Writers {
		writers.Go(func() { r.write(ctx, r.caches[i%len(r.caches)]) })
	}
	go r.progress(ctx, start)
	readers.Wait()
	stop()
	writers.Wait()
	report := Report{
		Reads: r.reads.Load(), Writes: r.writes.Load(), Loads: r.source.loads.Load(), Stale: r.stale.Load(),
		Unacknowledged: r.unacked.Load(), Took: time.Since(start), FirstStale: r.first,
	}
	wrong, err := r.rest()
	report.Wrong = wrong
	for _, st := range r.stores {
		report.Chaos = sum(report.Chaos, st.Counts())
	}
	for _, c := range r.caches {
		s := c.Stats()
		report.Refused += s.Refused
		report.Merged += s.Merged
		report.Waits += s.Waits
		err = errors.Join(err, c.Close())
	}
	return report, err
}

// read reads until the plan is fulfilled, mostly single keys, some batches, some past the cache.
func (r *run) read(ctx context.Context, c *cachet.Cache[int, Record]) {
	const batch = 8
	acked := make([]int64, batch)
	for ctx.Err() == nil {
		switch dice := rand.N(1000); {
		case dice < 10:
			keys := rand.Perm(r.plan.Keys)[:batch]
			for i, k := range keys {
				acked[i] = r.source.acked[k].Load()
			}
			got, err := c.GetMany(ctx, keys)
			if err != nil {
				r.failed(ctx, "GetMany", err)
				continue
			}
			for i, k := range keys {
				r.check("GetMany", got[k], k, acked[i])
			}
		case dice < 13:
			r.readOne(ctx, "Fresh", func(k int) (Record, error) { return c.Get(ctx, k, cachet.Fresh()) })
		case dice < 50: // a caller in a hurry, whose leaving may end the load
			r.readOne(ctx, "Get with a deadline", func(k int) (Record, error) {
				ctx, cancel := context.WithTimeout(ctx, rand.N(100*time.Millisecond))
				defer cancel()
				v, err := c.Get(ctx, k)
				if err != nil && ctx.Err() != nil {
					return Record{Key: -1}, nil
				}
				return v, err
			})
		default:
			r.readOne(ctx, "Get", func(k int) (Record, error) { return c.Get(ctx, k) })
		}
	}
}

func (r *run) readOne(ctx context.Context, how string, get func(k int) (Record, error)) {
	k := rand.N(r.plan.Keys)
	acked := r.source.acked[k].Load()
	v, err := get(k)
	switch {
	case err != nil:
		r.failed(ctx, how, err)
	case v.Key >= 0:
		r.check(how, v, k, acked)
	}
}

// check is the oracle: a read must not return what had been superseded, to everybody's knowledge, before it
// began.
func (r *run) check(how string, v Record, key int, acked int64) {
	if r.reads.Add(1) >= r.plan.Reads {
		r.stop()
	}
	if v.Key == key && v.Version >= acked {
		return
	}
	r.violated(fmt.Sprintf("%s of key %d returned %+v after version %d was acknowledged", how, key, v, acked))
}

func (r *run) failed(ctx context.Context, how string, err error) {
	if ctx.Err() == nil {
		r.violated(fmt.Sprintf("%s failed: %v", how, err))
	}
}

func (r *run) violated(what string) {
	r.stale.Add(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first == "" {
		r.first = what
	}
	if r.plan.ToFirst {
		r.stop()
	}
}

// write writes in bursts on one key, so that a write comes upon the load that the one before it caused.
func (r *run) write(ctx context.Context, c *cachet.Cache[int, Record]) {
	for ctx.Err() == nil {
		key := rand.N(r.plan.Keys)
		for range 1 + rand.N(3) {
			var version int64
			err := c.Update(context.WithoutCancel(ctx), key, func(context.Context) error {
				version = r.source.commit(key)
				return nil
			})
			var missed *cachet.InvalidationError
			switch {
			case err == nil:
				r.source.acknowledge(key, version)
			case errors.As(err, &missed) && errors.Is(err, chaosstore.ErrChaos):
				r.unacked.Add(1) // nothing is promised, until it has been repeated
			default:
				r.failed(ctx, "Update", err)
			}
			r.writes.Add(1)
			_ = pause(ctx, rand.N(r.plan.Rest/2+1))
		}
		_ = pause(ctx, rand.N(r.plan.Rest+1))
	}
}

// rest waits until nothing is in flight and counts the cached records that differ from the source.
func (r *run) rest() (wrong int64, err error) {
	for _, st := range r.stores {
		st.Calm()
	}
	time.Sleep(2 * time.Second) // also more than the longest pause between two attempts at an invalidation
	for _, c := range r.caches {
		if n := c.Stats().Pending; n > 0 {
			err = errors.Join(err, fmt.Errorf("%d invalidations are still to be made", n))
		}
	}
	for key := range r.plan.Keys {
		for _, c := range r.caches {
			e, ok, perr := c.Peek(context.Background(), key)
			err = errors.Join(err, perr)
			if ok && e.Value.Version != r.source.committed[key].Load() {
				wrong++
			}
		}
	}
	return wrong, err
}

func (r *run) progress(ctx context.Context, start time.Time) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			fmt.Fprintf(r.plan.Log, "%4.0fs %9d reads %7d writes %5d stale\n",
				time.Since(start).Seconds(), r.reads.Load(), r.writes.Load(), r.stale.Load())
		case <-ctx.Done():
			return
		}
	}
}
