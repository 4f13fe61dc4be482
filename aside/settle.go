package aside

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/internal/flight"
	"github.com/cachet-go/cachet/store"
)

// settle loads the records of jobs by one call, stores those for which it has a lease, and finishes the
// flights. A job without one is loaded all the same: what is fenced, or out of the store's reach, is read from
// the source.
//
// The loader runs on this goroutine, since to hand a load to another one and back costs as much as a round trip. So
// settle returns when the loader does, which may be long after the flights are finished.
func (r *Reader) settle(jobs []*job, load Loader) {
	if len(jobs) == 0 {
		return
	}
	ctx, cancel := r.loadContext(jobs)
	stop := r.keep(ctx, jobs)
	r.load(ctx, jobs, load, func(loads []Load, marks []flight.Ticket, cost time.Duration) {
		r.finish(ctx, jobs, loads, marks, cost, func() { stop(); cancel() })
	})
}

// loadContext returns the context of a load: it has the values of the first caller, and ends after LoadTimeout
// or when the callers of all the flights have left.
func (r *Reader) loadContext(jobs []*job) (context.Context, context.CancelFunc) {
	first := jobs[0].flight.Context()
	if len(jobs) == 1 {
		return context.WithTimeout(first, r.cfg.LoadTimeout)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(first), r.cfg.LoadTimeout)
	var left atomic.Int64
	left.Store(int64(len(jobs)))
	for _, j := range jobs {
		context.AfterFunc(j.flight.Context(), func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})
	}
	return ctx, cancel
}

// keep renews the leases of jobs until stop is called. A load that is shorter than a third of a lease starts no
// goroutine.
func (r *Reader) keep(ctx context.Context, jobs []*job) (stop func()) {
	held, every := leases(jobs)
	if len(held) == 0 {
		return func() {}
	}
	// Renewing may go on past the end of the load, until its fill is answered.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*r.cfg.LoadTimeout)
	timer := time.AfterFunc(every/3, func() {
		tick := time.NewTicker(every / 3)
		defer tick.Stop()
		for ctx.Err() == nil {
			r.observe(ctx, r.cfg.Store.Renew(ctx, held...))
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return func() {
		timer.Stop()
		cancel()
	}
}

// leases returns what jobs hold, and how long the shortest of it lasts.
func leases(jobs []*job) (held []store.Held, shortest time.Duration) {
	for _, j := range jobs {
		if !j.grant.Granted() {
			continue
		}
		held = append(held, store.Held{Key: j.ask.Key, Stamp: j.grant.Stamp, Term: j.ask.Term})
		if shortest == 0 || j.grant.Lease < shortest {
			shortest = j.grant.Lease
		}
	}
	return held, max(shortest, time.Millisecond)
}

// load calls the loader when a slot is free. It calls settled once: with what was loaded or, from another goroutine
// while the loader goes on, when ctx ends. A loader that goes on regardless is left behind, and counts against
// MaxLoads for no longer than LoadTimeout. The marks tell who had come before the load began, and the cost how long it
// took.
func (r *Reader) load(
	ctx context.Context, jobs []*job, load Loader,
	settled func(loads []Load, marks []flight.Ticket, cost time.Duration),
) {
	marks := make([]flight.Ticket, len(jobs))
	if err := r.admit(ctx, jobs); err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			r.stats.Overloads.Add(1)
			err = errors.Join(ErrOverloaded, err)
		}
		settled(fail(jobs, err), marks, 0)
		return
	}
	places := make([]int, len(jobs))
	for i, j := range jobs {
		places[i] = j.place
		marks[i] = j.flight.Mark()
	}
	r.stats.Loads.Add(1)
	release := sync.OnceFunc(func() { r.slots.Release(1) })
	overdue := time.AfterFunc(r.cfg.LoadTimeout, release)
	began := time.Now()
	var over atomic.Bool // a flag and no sync.Once: who is second must not wait for the first
	end := func() {
		if !over.CompareAndSwap(false, true) {
			return
		}
		err := ctx.Err()
		if errors.Is(err, context.DeadlineExceeded) {
			r.stats.LoadErrors.Add(1)
			release()
			err = errors.Join(ErrLoadTimeout, err)
		}
		settled(fail(jobs, err), marks, 0)
	}
	attended := context.AfterFunc(ctx, end)
	loads := fail(jobs, ErrGoexit)
	defer func() {
		cost := time.Since(began)
		overdue.Stop()
		release()
		attended()
		if !over.CompareAndSwap(false, true) {
			return
		}
		if blame(ctx, loads) {
			r.stats.LoadErrors.Add(1)
		}
		settled(loads, marks, cost)
	}()
	loads = load.Load(ctx, places)
}

// blame reports whether a load has failed, other than because nobody waits for it any more. The loader may notice first
// that its time is over; its error then says so.
func blame(ctx context.Context, loads []Load) bool {
	failed := false
	for i, l := range loads {
		failed = failed || l.Err != nil
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && errors.Is(l.Err, context.DeadlineExceeded) {
			loads[i].Err = errors.Join(ErrLoadTimeout, l.Err)
		}
	}
	return failed && !errors.Is(ctx.Err(), context.Canceled)
}

// admit waits for a load slot.
func (r *Reader) admit(ctx context.Context, jobs []*job) error {
	if ctx.Err() == nil && r.slots.TryAcquire(1) {
		return nil
	}
	queued := func(yes bool) {
		for _, j := range jobs {
			j.flight.Queued.Store(yes)
		}
	}
	queued(true)
	defer queued(false)
	return r.slots.Acquire(ctx, 1)
}

func fail(jobs []*job, err error) []Load {
	loads := make([]Load, len(jobs))
	for i := range loads {
		loads[i].Err = err
	}
	return loads
}

// finish stores what was loaded and hands it out. A flight whose fill is sent is closed first: who comes while
// the fill travels may come after an invalidation that followed it. An accepted fill proves that no
// invalidation came between the grant and the fill, so all who came before the flight closed may have the
// value; of a refused one, only those who came before the load began. So it is on probation, where an accepted
// value may be older than the grant: those who come while the load goes on may come after the probation's end.
//
// rest is called when the leases are needed no more, and before the flights of what was filled are finished: nothing is
// left to do then, and a caller that was woken goes on at once, on this processor.
func (r *Reader) finish(
	ctx context.Context, jobs []*job, loads []Load, marks []flight.Ticket, cost time.Duration, rest func(),
) {
	var (
		fills  []store.Fill
		filled []int
		closed = make([]flight.Ticket, len(jobs))
		failed []store.Held
		// Asked before any flight is finished, which ends its context.
		abandoned = errors.Is(ctx.Err(), context.Canceled)
	)
	for i, j := range jobs {
		held := store.Held{Key: j.ask.Key, Stamp: j.grant.Stamp}
		switch l := loads[i]; {
		case l.Err != nil && j.grant.Granted():
			failed = append(failed, held)
		case l.Err != nil:
			j.flight.Finish(outcome{err: l.Err}, j.flight.Close())
		case j.grant.Granted():
			closed[i] = j.flight.Close()
			fills = append(fills, r.fill(ctx, held, l, cost))
			filled = append(filled, i)
		default:
			r.stats.Unfilled.Add(1)
			j.flight.Finish(loaded(l), marks[i])
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.cfg.LoadTimeout)
	defer cancel()
	if len(failed) > 0 {
		// Before the callers hear of it, lest the next try of one finds the lease of the last in its way.
		r.observe(ctx, r.cfg.Store.Release(ctx, !abandoned, failed...))
		for i, j := range jobs {
			if loads[i].Err != nil && j.grant.Granted() {
				j.flight.Finish(outcome{err: loads[i].Err}, j.flight.Close())
			}
		}
	}
	var verdicts []store.Verdict
	if len(fills) > 0 {
		verdicts = r.cfg.Store.Fill(ctx, fills...)
	}
	rest()
	for n, v := range verdicts {
		i := filled[n]
		upTo := closed[i]
		if !v.Accepted || jobs[i].grant.OnProbation {
			upTo = marks[i]
		}
		if !v.Accepted {
			r.observe(ctx, v.Err)
			if v.Err == nil {
				r.stats.Refused.Add(1)
			}
		}
		jobs[i].flight.Finish(loaded(loads[i]), upTo)
	}
}

func loaded(l Load) outcome {
	return outcome{Result: Result{Payload: l.Payload, Absent: l.Absent, Source: Loaded}}
}

// fill turns a load into a fill. A value that is too large is not kept.
func (r *Reader) fill(ctx context.Context, held store.Held, l Load, cost time.Duration) store.Fill {
	ttl := r.cfg.lifetimes(l.TTL, l.Absent)
	f := store.Fill{
		Held: held, Absent: l.Absent, Codec: r.cfg.Codec, Payload: l.Payload,
		FreshFor: ttl.fresh, LoadCost: cost, TTL: ttl.keep,
	}
	if len(l.Payload) > r.cfg.MaxValueSize {
		r.stats.Oversize.Add(1)
		r.cfg.Report(ctx, &OversizeError{Key: held.Key, Size: len(l.Payload), Most: r.cfg.MaxValueSize})
		f.TTL, f.Payload = 0, nil
	}
	return f
}
