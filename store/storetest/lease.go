package storetest

import (
	"time"

	"github.com/cachet-go/cachet/store"
)

// leaseClauses are about who is granted a lease, and for how long.
func leaseClauses() []clause {
	return []clause{
		{"ALeaseIsGrantedWhereNothingStands", func(s *subject) {
			key := s.key("k")
			g := s.ask(store.Ask{Key: key})
			if !g.Granted() || g.Stamp.IsZero() || g.Lease <= 0 || g.OnProbation {
				s.Errorf("Lease: got %+v, want a grant with a stamp and a time, not on probation", g)
			}
			if g.Record.Kind != store.Missing {
				s.Errorf("Lease: got %+v with the grant, want no record", g.Record)
			}
		}},
		{"ASecondAskerFindsTheLease", func(s *subject) {
			key := s.key("k")
			first := s.ask(store.Ask{Key: key})
			second := s.refused(store.Ask{Key: key}, store.Lease)
			if second.Granted() || !second.Stamp.IsZero() {
				s.Errorf("Lease: got %+v, want no stamp", second)
			}
			if second.Lease <= 0 || second.Lease > first.Lease {
				s.Errorf("Lease: got %v as the rest of a lease of %v", second.Lease, first.Lease)
			}
			s.fill(store.Held{Key: key, Stamp: first.Stamp}, "v", time.Minute)
		}},
		{"AskingDoesNotProlongTheLeaseInTheWay", func(s *subject) {
			key := s.key("k")
			s.lease(key)
			var rest store.Grant
			began := during(func() { rest = s.refused(store.Ask{Key: key}, store.Lease) })
			time.Sleep(100 * time.Millisecond)
			var then store.Grant
			again := during(func() { then = s.refused(store.Ask{Key: key}, store.Lease) })
			if most := rest.Lease - again.before.Sub(began.after) + early; then.Lease > most {
				s.Errorf("Lease: %v is left, want at most %v", then.Lease, most)
			}
		}},
		{"AValueStandsInTheWayOfALease", func(s *subject) {
			held := s.value(s.key("k"), "v")
			g := s.refused(store.Ask{Key: held.Key}, store.Value)
			if g.Granted() || string(g.Record.Payload) != "v" || g.Record.Stamp != held.Stamp {
				s.Errorf("Lease: got %+v, want the value", g)
			}
		}},
		{"AFenceStandsInTheWayOfALease", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			g := s.refused(store.Ask{Key: key}, store.Fence)
			if g.Granted() || g.Lease < 50*time.Second || g.Lease > time.Minute {
				s.Errorf("Lease: got %+v, want about a minute left of the fence", g)
			}
		}},
		{"ALeaseLapsesInTheTimeThatTheGrantTells", func(s *subject) {
			var g store.Grant
			key := s.key("k")
			began := during(func() { g = s.ask(store.Ask{Key: key}) })
			s.lasts("lease", began, g.Lease, func() bool { return s.get(key).Kind == store.Lease })
			s.lease(key)
		}},
		{"EveryStateEnds", everyStateEnds},
	}
}

func everyStateEnds(s *subject) {
	const short = 100 * time.Millisecond
	lease, value, claim := s.key("lease"), s.key("value"), s.key("claim")
	fence, probation := s.key("fence"), s.key("probation")
	s.lease(lease)
	s.fill(s.lease(value), "v", short)
	s.fill(s.lease(claim), "v", short)
	s.ask(store.Ask{Key: claim, Mode: store.Refresh, Hold: time.Hour})
	s.fence(1, short, fence)
	s.lift(1, 2*short, probation)
	s.lease(probation)
	keys := []string{lease, value, claim, fence, probation}
	s.eventually("the end of every record", func() bool {
		recs, err := s.GetMany(s.Context(), keys)
		s.done("GetMany", err)
		for _, rec := range recs {
			if rec.Kind != store.Missing {
				return false
			}
		}
		return true
	})
}

// renewClauses are about Renew.
func renewClauses() []clause {
	return []clause{
		{"RenewKeepsALeaseForAnotherTerm", func(s *subject) {
			var g store.Grant
			key := s.key("k")
			began := during(func() { g = s.ask(store.Ask{Key: key}) })
			held := store.Held{Key: key, Stamp: g.Stamp}
			time.Sleep(time.Until(began.before.Add(g.Lease / 2)))
			began = during(func() { s.renew(held) })
			s.lasts("renewed lease", began, g.Lease, func() bool { return s.get(key).Kind == store.Lease })
		}},
		{"ARenewedLeaseFills", func(s *subject) {
			held := s.lease(s.key("k"))
			s.renew(held)
			s.fill(held, "v", time.Minute)
			s.reads(held.Key, "v")
		}},
		{"RenewBringsNothingBack", func(s *subject) {
			held := s.lease(s.key("k"))
			s.invalidate(held.Key)
			s.renew(held)
			s.holds(held.Key, store.Missing)
			s.intrude(held, "after Invalidate and Renew")
		}},
		{"RenewByAStrangerLeavesTheLease", func(s *subject) {
			key := s.key("k")
			first := s.lease(key)
			s.invalidate(key)
			s.lease(key)
			var rest, then store.Grant
			began := during(func() { rest = s.refused(store.Ask{Key: key}, store.Lease) })
			time.Sleep(100 * time.Millisecond)
			s.renew(first)
			again := during(func() { then = s.refused(store.Ask{Key: key}, store.Lease) })
			if most := rest.Lease - again.before.Sub(began.after) + early; then.Lease > most {
				s.Errorf("Renew by a stranger: %v is left of the lease, want at most %v", then.Lease, most)
			}
		}},
		{"RenewLeavesFencesAndProbation", func(s *subject) {
			held := s.lease(s.key("k"))
			s.fence(1, time.Minute, held.Key)
			s.renew(held)
			s.holds(held.Key, store.Fence)
			s.lift(1, time.Minute, held.Key)
			s.renew(held)
			s.holds(held.Key, store.Probation)
		}},
		{"RenewLeavesAClaimAndItsValue", func(s *subject) {
			const ttl = 300 * time.Millisecond
			key := s.key("k")
			var held store.Held
			began := during(func() { held = s.lease(key) })
			s.fill(held, "v", ttl)
			g := s.ask(store.Ask{Key: key, Mode: store.Refresh, Hold: time.Minute})
			if !g.Granted() {
				return // the value ended on the way here
			}
			s.renew(store.Held{Key: key, Stamp: g.Stamp})
			s.lasts("value", began, ttl, func() bool { return s.get(key).Kind == store.Value })
		}},
	}
}
