package aside

import (
	"context"
	"errors"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
	"github.com/cachet-go/cachet/internal/flight"
	"github.com/cachet-go/cachet/store"
)

// poll spaces the looks of a waiter that nobody wakes.
var poll = backoff.Policy{First: 10 * time.Millisecond, Most: 100 * time.Millisecond}

// perKey is more than it takes to lease and to fill one key of a batch, also on a busy machine. A batch that takes
// longer than the store's lease time needs leases that last, for renewing so many takes as long.
const perKey = time.Millisecond

// errUnasked stands in for a grant until there is one.
var errUnasked = errors.New("aside: the question for a lease was not answered")

// job is one key in the hands of a leader.
type job struct {
	flight *flight.Flight
	ask    store.Ask
	place  int // among the keys of the loader
	grant  store.Grant
	asked  flight.Ticket // mark taken before the grant was asked for
}

// lead asks for the leases of jobs, all in one round trip, and has their flights brought to an end, also if a hook that
// is told of an error panics.
func (r *Reader) lead(jobs []*job, load Loader) {
	defer func() { go r.proceed(jobs, load) }()
	r.ask(jobs)
}

// proceed hands out what turned out to be stored, waits where somebody else loads, and loads the rest.
func (r *Reader) proceed(jobs []*job, load Loader) {
	r.askAgain(jobs)
	var ready []*job
	for _, j := range jobs {
		switch {
		case j.grant.Kind == store.Value && r.fit(&j.grant.Record):
			r.finishFound(j)
		case j.grant.Kind == store.Lease && len(jobs) == 1:
			r.follow(j, load)
		case j.grant.Kind == store.Lease:
			go r.follow(j, load)
		default:
			ready = append(ready, j)
		}
	}
	r.settleEach(ready, load)
}

// settleEach settles jobs by one call of a batch loader, or by concurrent calls.
func (r *Reader) settleEach(jobs []*job, load Loader) {
	if load.Batch || len(jobs) == 1 {
		r.settle(jobs, load)
		return
	}
	for _, j := range jobs {
		go r.settle([]*job{j}, load)
	}
}

// ask asks for leases. The marks are taken first: what the answers tell is news to everybody who came before
// the question, and may be stale to those who come while the answer travels.
func (r *Reader) ask(jobs []*job) {
	if len(jobs) == 0 {
		return
	}
	asks := make([]store.Ask, len(jobs))
	term := time.Duration(len(jobs)) * perKey
	for i, j := range jobs {
		j.asked = j.flight.Mark()
		j.ask.Term = term
		j.grant = store.Grant{Err: errUnasked}
		asks[i] = j.ask
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(jobs[0].flight.Context()), r.cfg.LoadTimeout)
	defer cancel()
	for i, g := range r.cfg.Store.Lease(ctx, asks...) {
		jobs[i].grant = g
		r.observe(ctx, g.Err)
	}
}

// askAgain asks once more, by Discard or Refresh, for the leases that values of no use stood in the way of.
func (r *Reader) askAgain(jobs []*job) {
	var again []*job
	for _, j := range jobs {
		rec := &j.grant.Record
		if j.grant.Kind != store.Value || r.fit(rec) {
			continue
		}
		switch {
		case !r.usable(rec):
			r.stats.Corrupt.Add(1)
			j.ask.Mode, j.ask.Over = store.Discard, rec.Stamp
		case j.ask.Over != rec.Stamp:
			j.ask.Mode, j.ask.Over, j.ask.Hold = store.Refresh, rec.Stamp, r.cfg.LoadTimeout
		default:
			continue // stale, and being refreshed: nothing to be had
		}
		again = append(again, j)
	}
	r.ask(again)
}

// fit reports whether a value that was found answers everybody: it can be used and is fresh.
func (r *Reader) fit(rec *store.Record) bool {
	return r.usable(rec) && (rec.FreshFor == 0 || pastFresh(rec, time.Now()) < 0)
}

// finishFound hands out what was found stored to those who came before the question.
func (r *Reader) finishFound(j *job) {
	rec := &j.grant.Record
	j.flight.Finish(outcome{Result: Result{
		Payload: rec.Payload, Absent: rec.Absent, Stamp: rec.Stamp, Source: Found,
	}}, j.asked)
}

// follow waits until somebody else's load has ended, and then goes on with what there is.
func (r *Reader) follow(j *job, load Loader) {
	r.stats.Waits.Add(1)
	if !r.wait(j) {
		j.flight.Finish(outcome{err: context.Canceled}, j.asked) // nobody is left to hear it
		return
	}
	if j.grant.Kind == store.Value && r.fit(&j.grant.Record) {
		r.finishFound(j)
		return
	}
	r.settle([]*job{j}, load)
}

// wait waits for the end of another's lease, but no longer than a load may take. It returns with a grant to go
// by; one that still says store.Lease means to load without filling. It reports false when nobody waits for the
// flight any more.
func (r *Reader) wait(j *job) bool {
	ctx, cancel := context.WithTimeout(j.flight.Context(), r.cfg.LoadTimeout)
	defer cancel()
	var wake <-chan store.Wake
	if w, err := r.cfg.Store.Watch(ctx, j.ask.Key); err == nil {
		defer w.Close()
		wake = w.C()
	} // otherwise polling has to do
	failed := false
	for try := 0; ; try++ {
		r.ask([]*job{j})
		if j.grant.Kind != store.Lease || failed {
			return true
		}
		timer := time.NewTimer(min(poll.Delay(try), j.grant.Lease+time.Millisecond))
		select {
		case why := <-wake:
			failed = why == store.Failed
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return errors.Is(ctx.Err(), context.DeadlineExceeded)
		}
	}
}
