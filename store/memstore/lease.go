package memstore

import (
	"bytes"
	"context"
	"math"
	"slices"
	"time"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/store"
)

// maxClaim is the longest claim that a record in Redis can express.
const maxClaim = 65535 * record.ClaimUnit

// Lease asks for leases.
func (s *Store) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	grants := make([]store.Grant, len(asks))
	if err := ctx.Err(); err != nil {
		for i := range grants {
			grants[i].Err = err
		}
		return grants
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for i, a := range asks {
		grants[i] = s.grantLocked(a, now)
	}
	return grants
}

func (s *Store) grantLocked(a store.Ask, now int64) store.Grant {
	e := s.openLocked(a.Key, now)
	switch e.rec.Kind {
	case store.Lease, store.Fence:
		return store.Grant{Kind: e.rec.Kind, Lease: e.remaining(now)}
	case store.Value:
		switch {
		case a.Mode == store.Refresh && e.claimable(a.Over, now):
			hold := min(max(a.Hold, 0), maxClaim)
			e.rec.Stamp, e.rec.Claimed = s.stampLocked(now), claim(hold)
			return store.Grant{Stamp: e.rec.Stamp, Lease: hold, OnProbation: e.probation != 0}
		case a.Mode != store.Discard || a.Over != e.rec.Stamp:
			return store.Grant{Kind: store.Value, Record: e.rec}
		}
	default: // nothing is in the way
	}
	e.rec, e.end = store.Record{Kind: store.Lease, Stamp: s.stampLocked(now)}, now+micros(term(a.Term))
	return store.Grant{Stamp: e.rec.Stamp, Lease: term(a.Term), OnProbation: e.probation != 0}
}

// claim rounds d up to what a record in Redis can express.
func claim(d time.Duration) time.Duration {
	return roundUp(min(d, maxClaim), record.ClaimUnit)
}

// term is how long a lease lasts.
func term(wanted time.Duration) time.Duration { return max(leaseTime, wanted) }

// Renew lets leases last for another full term from now.
func (s *Store) Renew(ctx context.Context, held ...store.Held) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, h := range held {
		if e := s.findLocked(h.Key, now); e.bears(h.Stamp) && e.rec.Kind == store.Lease {
			e.end = now + micros(term(h.Term))
		}
	}
	return nil
}

// Fill stores values by their leases. It copies the payloads.
func (s *Store) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	verdicts := make([]store.Verdict, len(fills))
	if err := ctx.Err(); err != nil {
		for i := range verdicts {
			verdicts[i].Err = err
		}
		return verdicts
	}
	recs := make([]store.Record, len(fills))
	for i, f := range fills {
		recs[i] = value(f)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for i, f := range fills {
		verdicts[i].Accepted = s.fillLocked(f, recs[i], now)
	}
	return verdicts
}

func (s *Store) fillLocked(f store.Fill, rec store.Record, now int64) bool {
	s.sweepLocked(now)
	e := s.findLocked(f.Key, now)
	if !e.bears(f.Stamp) {
		return false
	}
	end := f.Stamp.Granted + micros(f.TTL)
	if e.probation != 0 {
		end = min(end, e.probation)
	}
	e.rec, e.end = rec, end
	s.settleLocked(e, now)
	s.wakeLocked(f.Key, store.Changed)
	return true
}

// value is the record of f, with the precision that it would have in Redis.
func value(f store.Fill) store.Record {
	return store.Record{
		Kind:     store.Value,
		Stamp:    f.Stamp,
		Absent:   f.Absent,
		Codec:    []byte(record.CodecName(f.Codec)),
		Born:     f.Stamp.Granted / 1000,
		FreshFor: roundUp(f.FreshFor, time.Millisecond),
		LoadCost: roundUp(f.LoadCost, time.Millisecond),
		Payload:  slices.Clip(bytes.Clone(f.Payload)),
	}
}

// roundUp rounds d up to a multiple of unit, or down where that would be too long for a time.Duration.
func roundUp(d, unit time.Duration) time.Duration {
	d = max(d, 0)
	whole := d.Truncate(unit)
	if whole < d && whole <= math.MaxInt64-unit {
		whole += unit
	}
	return whole
}

// Release gives leases back unfilled.
func (s *Store) Release(ctx context.Context, failed bool, held ...store.Held) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	why := store.Changed
	if failed {
		why = store.Failed
	}
	for _, h := range held {
		if e := s.findLocked(h.Key, now); e.bears(h.Stamp) {
			s.releaseLocked(e, failed, now)
			s.wakeLocked(h.Key, why)
		}
	}
	return nil
}

func (s *Store) releaseLocked(e *entry, failed bool, now int64) {
	switch {
	case e.rec.Kind == store.Lease:
		e.end = 0
		s.settleLocked(e, now)
	case e.rec.Claimed == 0: // filled, and no claim
	case failed:
		e.rec.Claimed = claim(duration(now-e.rec.Stamp.Granted) + leaseTime)
	default:
		e.rec.Claimed = 0
	}
}
