package aside

import (
	"context"
	"iter"
	"time"

	"github.com/cachet-go/cachet/internal/flight"
)

// LookupMany looks keys up in one round trip per server. It answers in the order asked.
func (r *Reader) LookupMany(ctx context.Context, keys []string, maxStale time.Duration) iter.Seq2[int, Seen] {
	recs, err := r.cfg.Store.GetMany(ctx, keys)
	r.observe(ctx, err)
	return func(yield func(int, Seen) bool) {
		for i, key := range keys {
			var seen Seen
			r.judge(&seen, key, &recs[i], maxStale)
			if !yield(i, seen) {
				return
			}
		}
	}
}

// Answer is the result of one key among many.
type Answer struct {
	Result
	Err error
}

// member is a caller's part in the flight of one key.
type member struct {
	flight *flight.Flight
	ticket flight.Ticket
	lead   bool
}

// GetMany returns the records of keys that a look-up did not answer, in the order asked. What nobody else is
// loading is loaded by one call; of the rest it waits for the loads under way.
func (r *Reader) GetMany(ctx context.Context, seen []Seen, load Loader) []Answer {
	answers := make([]Answer, len(seen))
	pending := make([]int, len(seen))
	for i := range seen {
		pending[i] = i
	}
	for again := false; len(pending) > 0; again = true {
		members := r.joinAll(ctx, seen, pending, again, load)
		var rest []int
		for n, i := range pending {
			m := members[n]
			res, ok, err := r.await(ctx, m.flight, m.ticket, m.lead)
			if ok || err != nil {
				answers[i] = Answer{res, err}
			} else {
				rest = append(rest, i)
			}
		}
		pending = rest
	}
	return answers
}

// joinAll joins the flights of the pending keys and leads those that were not open, together.
func (r *Reader) joinAll(ctx context.Context, seen []Seen, pending []int, again bool, load Loader) []member {
	members := make([]member, len(pending))
	var jobs []*job
	for n, i := range pending {
		m := &members[n]
		m.flight, m.ticket, m.lead = r.flights.Join(ctx, seen[i].ask.Key, again)
		if m.lead {
			jobs = append(jobs, &job{flight: m.flight, ask: seen[i].ask, place: i})
		} else if !again {
			r.stats.Merged.Add(1)
		}
	}
	if len(jobs) > 0 {
		go r.lead(jobs, load)
	}
	return members
}
