package storetest

import (
	"time"

	"github.com/cachet-go/cachet/store"
)

// invalidateClauses are about Invalidate, and about Lift by who has no fence.
func invalidateClauses() []clause {
	return []clause{
		{"InvalidateRemovesWhateverStands", func(s *subject) {
			value, lease, fence, probation := s.key("value"), s.key("lease"), s.key("fence"), s.key("probation")
			s.value(value, "v")
			s.lease(lease)
			s.fence(1, time.Minute, fence)
			s.fence(2, time.Minute, fence)
			s.lift(1, time.Minute, probation)
			for _, key := range []string{value, lease, fence, probation} {
				s.invalidate(key)
				s.holds(key, store.Missing)
				if g := s.ask(store.Ask{Key: key}); !g.Granted() || g.OnProbation {
					s.Errorf("Lease after Invalidate of %q: got %+v, want an ordinary grant", key, g)
				}
			}
		}},
		{"AnInvalidationMayBeRepeated", func(s *subject) {
			key := s.key("k")
			s.invalidate(key)
			s.value(key, "v")
			s.invalidate(key)
			s.invalidate(key)
			s.lift(9, 0, key)
			s.lift(9, 0, key)
			s.holds(key, store.Missing)
		}},
		{"AnInvalidationLeavesOtherKeys", func(s *subject) {
			one, other := s.value(s.key("one"), "1"), s.value(s.key("other"), "2")
			s.invalidate(one.Key)
			s.fence(1, time.Minute, one.Key)
			s.lift(1, 0, one.Key)
			s.reads(other.Key, "2")
		}},
		{"LiftByATokenWithoutAFenceIsAnInvalidation", func(s *subject) {
			for _, token := range []uint64{0, 1, 1 << 63} {
				held := s.value(s.key("k"), "v")
				s.lift(token, 0, held.Key)
				s.holds(held.Key, store.Missing)
				s.intrude(held, "after Lift")
			}
		}},
		{"LiftByATokenWithoutAFenceRespectsFences", func(s *subject) {
			key := s.key("k")
			s.fence(5, time.Minute, key)
			for _, token := range []uint64{0, 4, 6, 5 << 32} {
				s.lift(token, 0, key)
				s.refused(store.Ask{Key: key}, store.Fence)
			}
			s.lift(5, 0, key)
			s.lease(key)
		}},
		{"ALateLiftStillInvalidates", func(s *subject) {
			const d = 100 * time.Millisecond
			key := s.key("k")
			began := during(func() { s.fence(1, d, key) })
			began.pause(d)
			s.value(key, "read before the commit")
			s.lift(1, 0, key)
			s.holds(key, store.Missing)
		}},
	}
}
