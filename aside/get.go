package aside

import (
	"context"
	"errors"
	"time"

	"github.com/cachet-go/cachet/internal/flight"
	"github.com/cachet-go/cachet/store"
)

// Load is what a loader came to for one key: a record, the knowledge that there is none, or an error.
type Load struct {
	Payload []byte
	Absent  bool
	TTL     time.Duration // before jitter; 0 or less: do not store
	Err     error
}

// Loader loads the records of keys, named by their places in the slice that the Reader was given. It answers in
// the order asked, and returns instead of panicking.
type Loader struct {
	Load func(ctx context.Context, places []int) []Load
	// Batch says that Load should be called for many places at once. Otherwise it is called for one at a time,
	// concurrently.
	Batch bool
}

// outcome is the result of a flight.
type outcome struct {
	Result
	err error
}

// Get returns the record of a key that a look-up did not answer. Callers who miss the same key share one load.
func (r *Reader) Get(ctx context.Context, seen Seen, load Loader) (Result, error) {
	for again := false; ; again = true {
		f, ticket, lead := r.flights.Join(ctx, seen.ask.Key, again)
		if lead {
			// By the caller itself, like the look-up: a goroutine would have to be woken, on a processor that sleeps.
			r.lead([]*job{{flight: f, ask: seen.ask}}, load)
		} else if !again {
			r.stats.Merged.Add(1)
		}
		res, ok, err := r.await(ctx, f, ticket, lead)
		if ok || err != nil {
			return res, err
		}
	}
}

// Fresh loads keys whatever is stored, under claims of its own or, where that is refused, without storing the
// result. It shares nothing with other callers.
func (r *Reader) Fresh(ctx context.Context, keys []string, load Loader) []Answer {
	jobs := make([]*job, len(keys))
	for i, key := range keys {
		jobs[i] = &job{ask: store.Ask{Key: key, Mode: store.Refresh, Hold: r.cfg.LoadTimeout}, place: i}
	}
	return r.alone(ctx, jobs, func() {
		r.ask(jobs)
		r.settleEach(jobs, load)
	})
}

// Unstored loads a key and stores nothing.
func (r *Reader) Unstored(ctx context.Context, key string, load Loader) (Result, error) {
	jobs := []*job{{ask: store.Ask{Key: key}, grant: store.Grant{Kind: store.Foreign}}}
	a := r.alone(ctx, jobs, func() { r.settleEach(jobs, load) })[0]
	return a.Result, a.Err
}

// alone has jobs done that only the caller waits for.
func (r *Reader) alone(ctx context.Context, jobs []*job, work func()) []Answer {
	tickets := make([]flight.Ticket, len(jobs))
	for i, j := range jobs {
		j.flight, tickets[i] = r.flights.Alone(ctx)
	}
	go work()
	answers := make([]Answer, len(jobs))
	for i, j := range jobs {
		answers[i].Result, _, answers[i].Err = r.await(ctx, j.flight, tickets[i], true)
	}
	return answers
}

// await waits for a flight on behalf of one caller.
func (r *Reader) await(ctx context.Context, f *flight.Flight, t flight.Ticket, lead bool) (Result, bool, error) {
	v, ok, err := f.Wait(ctx, t)
	if err != nil {
		if f.Queued.Load() {
			err = errors.Join(ErrOverloaded, err)
		}
		return Result{}, false, err
	}
	if !ok {
		return Result{}, false, nil
	}
	out := v.(outcome) //nolint:forcetypeassert // the only type that flights of this package finish with
	if !lead {
		out.Source = Shared
	}
	return out.Result, true, out.err
}
