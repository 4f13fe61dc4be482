package main

import "time"

// result is what a strategy came to in a trial.
type result struct {
	Strategy string        `json:"strategy"`
	Trial    string        `json:"trial"`
	Reads    int64         `json:"reads"`
	Writes   int64         `json:"writes"`
	Stale    int64         `json:"stale"`
	Over     int64         `json:"over_600_ms"` // stale, and longer than most after the last write
	Longest  time.Duration `json:"longest_ns"`  // after the first write that was missed
	Last     time.Duration `json:"last_ns"`     // after the last write
	Wrong    int           `json:"wrong_at_rest"`
	Phantoms int64         `json:"phantoms"`
	Queries  int64         `json:"queries"`
	Deaths   int64         `json:"deaths"`
	Lost     int64         `json:"lost"`
	Failed   int64         `json:"failed"`
	Trips    float64       `json:"trips"` // of all writes together
	P50      time.Duration `json:"p50_ns"`
	P99      time.Duration `json:"p99_ns"`
	Lag      time.Duration `json:"lag_ns"` // the longest that a loader met

	Late time.Duration `json:"late_ns"` // the longest by which the machine woke up a sleeper too late

	claim     claim
	latencies []time.Duration
	failure   error // the first
}

func (r *result) stale(a age) {
	r.Stale++
	r.Longest, r.Last = max(r.Longest, a.first), max(r.Last, a.quiet)
	if a.quiet > most {
		r.Over++
	}
}

func (r *result) fail(err error) {
	r.Failed++
	if r.failure == nil {
		r.failure = err
	}
}

// add adds what one reader or writer has seen.
func (r *result) add(o result) {
	r.Reads += o.Reads
	r.Writes += o.Writes
	r.Stale += o.Stale
	r.Over += o.Over
	r.Deaths += o.Deaths
	r.Lost += o.Lost
	r.Failed += o.Failed
	r.Trips += o.Trips
	r.Longest, r.Last = max(r.Longest, o.Longest), max(r.Last, o.Last)
	r.latencies = append(r.latencies, o.latencies...)
	if r.failure == nil {
		r.failure = o.failure
	}
}

// PerMillion is how many of a million reads were stale.
func (r *result) PerMillion() float64 { return 1e6 * float64(r.Stale) / float64(max(r.Reads, 1)) }

// OverPerMillion is how many of a million reads were stale for longer than most after the last write.
func (r *result) OverPerMillion() float64 { return 1e6 * float64(r.Over) / float64(max(r.Reads, 1)) }

// QueriesPerThousand is how many queries the database got for a thousand reads.
func (r *result) QueriesPerThousand() float64 {
	return 1e3 * float64(r.Queries) / float64(max(r.Reads, 1))
}

// TripsPerWrite is how often a writer waited for Redis.
func (r *result) TripsPerWrite() float64 { return r.Trips / float64(max(r.Writes, 1)) }

// limit is how long after the last write something stale may be read. A delayed delete is made by a timer and a
// command, and on a machine that is busy either may be late.
func (r *result) limit() time.Duration {
	if r.claim.made {
		return r.claim.bound + (most-bound)/2 + 2*r.Late
	}
	return r.claim.bound
}

// Kept reports whether a strategy has kept what it promises. Where the replica was behind by more than it was told,
// it promises nothing.
func (r *result) Kept() bool {
	if r.Lag >= bound {
		return true
	}
	switch r.claim.kind {
	case never:
		return r.Stale == 0 && r.Wrong == 0 && r.Phantoms == 0
	case bounded:
		return r.Last <= r.limit() && r.Wrong == 0 && r.Phantoms == 0
	case nothing:
	}
	return true
}
