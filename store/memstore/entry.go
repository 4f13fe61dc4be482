package memstore

import (
	"slices"
	"time"

	"github.com/cachet-go/cachet/store"
)

// swept is how many entries are examined for each one that is written. With one, a store of nothing but
// short-lived records would never be swept as fast as it fills.
const swept = 2

// entry is what one key holds.
type entry struct {
	key   string
	place int // in Store.ring

	rec    store.Record
	end    int64   // of rec, if it is no fence
	fences []fence // if it is
	// probation is the end of the probation that the key is on, or 0. It lies under whatever stands on the
	// key and comes to light when that ends.
	probation int64
}

// fence is a writer between "about to write" and "invalidated".
type fence struct {
	token uint64
	end   int64
}

// live brings e up to date and reports whether anything is left of it.
func (e *entry) live(now int64) bool {
	if e.rec.Kind == store.Fence {
		e.fences = slices.DeleteFunc(e.fences, func(f fence) bool { return f.end <= now })
		if len(e.fences) > 0 {
			return true
		}
	} else if now < e.end {
		return true
	}
	if now < e.probation {
		e.rec, e.end, e.fences = store.Record{Kind: store.Probation}, e.probation, nil
		return true
	}
	return false
}

// bears reports whether e is a lease or a value of exactly this stamp.
func (e *entry) bears(stamp store.Stamp) bool {
	return e != nil && (e.rec.Kind == store.Lease || e.rec.Kind == store.Value) && e.rec.Stamp == stamp
}

// claimable reports whether a refresh may claim e, a value.
func (e *entry) claimable(over store.Stamp, now int64) bool {
	return (over.IsZero() || over == e.rec.Stamp) && now >= e.rec.Stamp.Granted+micros(e.rec.Claimed)
}

// fence adds a token, or prolongs what a repeated one has.
func (e *entry) fence(token uint64, end int64) {
	if e.rec.Kind != store.Fence {
		e.rec, e.end, e.fences = store.Record{Kind: store.Fence}, 0, nil
	}
	i := slices.IndexFunc(e.fences, func(f fence) bool { return f.token == token })
	switch {
	case i >= 0:
		e.fences[i].end = max(e.fences[i].end, end)
	case token != 0:
		e.fences = append(e.fences, fence{token, end})
	}
}

// lift takes the fence of token away, or else whatever is no fence.
func (e *entry) lift(token uint64) {
	if e.rec.Kind == store.Fence {
		e.fences = slices.DeleteFunc(e.fences, func(f fence) bool { return f.token == token })
		return
	}
	e.rec, e.end = store.Record{}, 0
}

// remaining is how long what stands on e will last.
func (e *entry) remaining(now int64) time.Duration {
	end := e.end
	for _, f := range e.fences {
		end = max(end, f.end)
	}
	return duration(end - now)
}

// findLocked returns what key holds, or nil.
func (s *Store) findLocked(key string, now int64) *entry {
	e := s.entries[key]
	if e == nil {
		return nil
	}
	return s.settleLocked(e, now)
}

// settleLocked brings e up to date. It drops e and returns nil if nothing is left of it.
func (s *Store) settleLocked(e *entry, now int64) *entry {
	if e.live(now) {
		return e
	}
	s.dropLocked(e)
	return nil
}

// openLocked returns the entry of key, a new one if there is none.
func (s *Store) openLocked(key string, now int64) *entry {
	s.sweepLocked(now)
	if e := s.findLocked(key, now); e != nil {
		return e
	}
	e := &entry{key: key, place: len(s.ring)}
	s.entries[key] = e
	s.ring = append(s.ring, e)
	return e
}

func (s *Store) dropLocked(e *entry) {
	last := len(s.ring) - 1
	s.ring[e.place] = s.ring[last]
	s.ring[e.place].place = e.place
	s.ring[last] = nil
	s.ring = s.ring[:last]
	delete(s.entries, e.key)
}

// sweepLocked examines the next few entries and drops those that have ended. Ranging over the map would do
// it without a ring, but a map that was large once stays so, and to find an entry in it may mean to go
// through all of it.
func (s *Store) sweepLocked(now int64) {
	for range min(swept, len(s.ring)) {
		if s.hand >= len(s.ring) {
			s.hand = 0
		}
		if s.settleLocked(s.ring[s.hand], now) != nil {
			s.hand++
		}
	}
}
