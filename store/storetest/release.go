package storetest

import (
	"time"

	"github.com/cachet-go/cachet/store"
)

// releaseClauses are about Release of ordinary leases.
func releaseClauses() []clause {
	return []clause{
		{"AReleasedLeaseIsFreeAtOnce", func(s *subject) {
			for _, failed := range []bool{false, true} {
				held := s.lease(s.key("k"))
				s.release(failed, held)
				s.holds(held.Key, store.Missing)
			}
			s.lease(s.key("k"))
		}},
		{"ReleaseByAStrangerLeavesTheLease", func(s *subject) {
			key := s.key("k")
			first := s.lease(key)
			s.invalidate(key)
			second := s.lease(key)
			stamps := []store.Stamp{
				{}, strange, first.Stamp,
				{Nonce: second.Stamp.Nonce, Granted: second.Stamp.Granted + 1},
				{Nonce: second.Stamp.Nonce ^ 1, Granted: second.Stamp.Granted},
			}
			for _, stamp := range stamps {
				s.release(true, store.Held{Key: key, Stamp: stamp})
				s.release(false, store.Held{Key: key, Stamp: stamp})
				s.holds(key, store.Lease)
			}
			s.fill(second, "second", time.Minute)
		}},
		{"ReleaseAfterTheFillLeavesTheValue", func(s *subject) {
			held := s.value(s.key("k"), "v")
			s.release(false, held)
			s.reads(held.Key, "v")
			s.release(true, held)
			s.reads(held.Key, "v")
		}},
		{"ReleaseLeavesFencesAndProbation", func(s *subject) {
			held := s.lease(s.key("k"))
			s.fence(1, time.Minute, held.Key)
			s.release(false, held)
			s.holds(held.Key, store.Fence)
			s.lift(1, time.Minute, held.Key)
			s.release(false, held)
			s.holds(held.Key, store.Probation)
		}},
		{"ReleaseTwiceIsHarmless", func(s *subject) {
			held := s.lease(s.key("k"))
			s.release(false, held)
			s.release(false, held)
			next := s.lease(held.Key)
			s.release(false, held)
			s.fill(next, "next", time.Minute)
		}},
	}
}
