package cachet

import "sync/atomic"

// Stats is a snapshot of what a cache has done in this process. Hits + Misses is the number of keys asked for
// by Get and GetMany.
type Stats struct {
	Hits      int64 // answered by the look-up
	Misses    int64 // not answered by the look-up
	Absents   int64 // of Hits: known not to exist
	StaleHits int64 // of Hits: served past their TTL

	Loads      int64 // calls of Load or LoadMany
	LoadErrors int64 // of Loads: failed, panicked or timed out
	Overloads  int64 // loads that were not begun because no slot came free
	Merged     int64 // callers that joined another's load in this process
	Waits      int64 // loads of other processes that were waited for
	Refused    int64 // fills refused because the lease was gone: invalidated, lapsed or evicted
	Unfilled   int64 // records loaded without a lease: fenced, store out of reach, or others took too long or failed
	Refreshes  int64 // background refreshes
	Corrupt    int64 // records that could not be used: damaged, foreign, or of another codec
	Oversize   int64 // values too large to store

	Updates            int64 // Update, UpdateMany and Invalidate
	InvalidationErrors int64 // of Updates: returned an InvalidationError
	FenceErrors        int64 // of Updates: the fence could not be placed
	Retried            int64 // keys invalidated by the background retry
	Pending            int64 // keys that wait for it now
	StoreErrors        int64 // operations that the store failed on the read path

	Verified      int64 // hits compared with the source by Config.Verify
	Superseded    int64 // of Verified: differed, but not for as long as Verify.Within
	Inconsistent  int64 // of Verified: differed, and still did after that time
	VerifyStale   int64 // hits not compared since they were served past their TTL
	VerifyErrors  int64 // hits that could not be compared: the source or the store failed
	VerifyDropped int64 // hits not compared for there were too many, or not to the end as the cache was closed
}

// HitRatio returns the share of look-ups that hit, or 0 if there were none.
func (s Stats) HitRatio() float64 { return ratio(s.Hits, s.Hits+s.Misses) }

// MergeRatio returns the share of misses that joined another caller's load, or 0 if there were none.
func (s Stats) MergeRatio() float64 { return ratio(s.Merged, s.Misses) }

// LoadRatio returns the loads per key asked for, or 0 if none was. What it lacks to 1 is what the source was
// spared.
func (s Stats) LoadRatio() float64 { return ratio(s.Loads, s.Hits+s.Misses) }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// counters are those of the root; the reader has its own.
type counters struct {
	hits, misses, absents, staleHits                  atomic.Int64
	updates, invalidationErrors, fenceErrors, retried atomic.Int64
}

// Stats returns the counters as they stand. They are read one by one, and may be off against each other by what
// is in flight.
func (c *Cache[K, V]) Stats() Stats {
	r := c.reader.Stats()
	s := Stats{
		Hits:      c.count.hits.Load(),
		Misses:    c.count.misses.Load(),
		Absents:   c.count.absents.Load(),
		StaleHits: c.count.staleHits.Load(),

		Loads:      r.Loads.Load(),
		LoadErrors: r.LoadErrors.Load(),
		Overloads:  r.Overloads.Load(),
		Merged:     r.Merged.Load(),
		Waits:      r.Waits.Load(),
		Refused:    r.Refused.Load(),
		Unfilled:   r.Unfilled.Load(),
		Refreshes:  r.Refreshes.Load(),
		Corrupt:    r.Corrupt.Load(),
		Oversize:   r.Oversize.Load(),

		Updates:            c.count.updates.Load(),
		InvalidationErrors: c.count.invalidationErrors.Load(),
		FenceErrors:        c.count.fenceErrors.Load(),
		Retried:            c.count.retried.Load(),
		Pending:            int64(c.retry.pending()),
		StoreErrors:        r.StoreErrors.Load(),
	}
	if v := c.verifier; v != nil {
		s.Verified, s.Superseded, s.Inconsistent = v.verified.Load(), v.superseded.Load(), v.inconsistent.Load()
		s.VerifyStale, s.VerifyErrors, s.VerifyDropped = v.stale.Load(), v.errors.Load(), v.dropped.Load()
	}
	return s
}
