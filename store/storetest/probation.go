package storetest

import (
	"time"

	"github.com/cachet-go/cachet/store"
)

// lag is the probation of these clauses.
const lag = 400 * time.Millisecond

// probationClauses are about what probation does to leases and fills.
func probationClauses() []clause {
	return []clause{
		{"ProbationIsTold", func(s *subject) {
			key := s.key("k")
			began := during(func() { s.lift(0, lag, key) })
			g := s.ask(store.Ask{Key: key})
			if !g.Granted() || began.surelyBefore(lag) && !g.OnProbation {
				s.Errorf("Lease: got %+v, want a grant on probation", g)
			}
			s.refused(store.Ask{Key: key}, store.Lease)
			s.release(false, store.Held{Key: key, Stamp: g.Stamp})
			began.pause(lag)
			if g := s.ask(store.Ask{Key: key}); !g.Granted() || g.OnProbation {
				s.Errorf("Lease after probation: got %+v, want an ordinary grant", g)
			}
		}},
		{"ProbationBoundsFills", func(s *subject) {
			key := s.key("k")
			began := during(func() { s.lift(0, lag, key) })
			s.fill(s.lease(key), "v", time.Minute)
			s.lasts("value", began, lag, func() bool { return s.get(key).Kind == store.Value })
		}},
		{"ProbationDoesNotProlongFills", func(s *subject) {
			const ttl = 150 * time.Millisecond
			key := s.key("k")
			s.lift(0, time.Minute, key)
			var held store.Held
			began := during(func() { held = s.lease(key) })
			s.fill(held, "v", ttl)
			began.pause(ttl)
			if rec := s.get(key); rec.Kind == store.Value {
				s.Errorf("Get: got a value, want it gone after %v", ttl)
			}
		}},
		{"ProbationBoundsFillsByClaims", func(s *subject) {
			key := s.key("k")
			began := during(func() { s.lift(0, lag, key) })
			s.fill(s.lease(key), "old", time.Minute)
			g := s.ask(store.Ask{Key: key, Mode: store.Refresh, Hold: time.Minute})
			if !g.Granted() || !began.surelyBefore(lag) {
				return
			}
			if !g.OnProbation {
				s.Errorf("Lease: got %+v, want a claim on probation", g)
			}
			s.offer(store.Fill{Held: store.Held{Key: key, Stamp: g.Stamp}, Payload: []byte("new"), TTL: time.Minute})
			s.lasts("refreshed value", began, lag, func() bool { return s.get(key).Kind == store.Value })
		}},
		{"ProbationBoundsFillsAfterDiscard", func(s *subject) {
			key := s.key("k")
			began := during(func() { s.lift(0, lag, key) })
			value := s.lease(key)
			s.fill(value, "spoilt", time.Minute)
			g := s.ask(store.Ask{Key: key, Mode: store.Discard, Over: value.Stamp})
			if !g.Granted() || !began.surelyBefore(lag) {
				return
			}
			if !g.OnProbation {
				s.Errorf("Lease: got %+v, want a lease on probation", g)
			}
			s.offer(store.Fill{Held: store.Held{Key: key, Stamp: g.Stamp}, Payload: []byte("good"), TTL: time.Minute})
			s.lasts("value", began, lag, func() bool { return s.get(key).Kind == store.Value })
		}},
		{"AFillAfterProbationByALeaseOnProbationIsNotKept", func(s *subject) {
			const lag = 100 * time.Millisecond
			key := s.key("k")
			began := during(func() { s.lift(0, lag, key) })
			g := s.ask(store.Ask{Key: key})
			if !g.OnProbation {
				return // it was over already
			}
			began.pause(lag)
			s.fill(store.Held{Key: key, Stamp: g.Stamp}, "v", time.Minute)
			s.holds(key, store.Missing)
		}},
		{"LiftOfTheLastFenceLeavesProbation", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			s.lift(1, time.Minute, key)
			s.holds(key, store.Probation)
			if g := s.ask(store.Ask{Key: key}); !g.Granted() || !g.OnProbation {
				s.Errorf("Lease: got %+v, want a grant on probation", g)
			}
		}},
		{"LiftWithoutProbationLeavesNone", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			s.lift(1, 0, key)
			if g := s.ask(store.Ask{Key: key}); !g.Granted() || g.OnProbation {
				s.Errorf("Lease: got %+v, want an ordinary grant", g)
			}
		}},
		{"ProbationUnderAFenceLeavesTheFence", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			s.fence(2, time.Minute, key)
			s.lift(1, time.Minute, key)
			s.refused(store.Ask{Key: key}, store.Fence)
			s.lift(0, time.Minute, key)
			s.refused(store.Ask{Key: key}, store.Fence)
			s.lift(2, 0, key)
			s.lease(key)
		}},
	}
}

// probationRestClauses are about probation outliving what is put over it.
func probationRestClauses() []clause {
	return []clause{
		{"ProbationOutlivesAReleasedLease", func(s *subject) {
			began, key := s.onProbation()
			s.release(true, s.lease(key))
			s.staysOnProbation(began, key)
		}},
		{"ProbationOutlivesALapsedLease", func(s *subject) {
			key := s.key("k")
			s.lift(0, time.Minute, key)
			s.lease(key)
			s.eventually("the end of the lease", func() bool { return s.get(key).Kind != store.Lease })
			s.holds(key, store.Probation)
			if g := s.ask(store.Ask{Key: key}); !g.Granted() || !g.OnProbation {
				s.Errorf("Lease: got %+v, want a grant on probation", g)
			}
		}},
		{"ProbationOutlivesARenewedLease", func(s *subject) {
			began, key := s.onProbation()
			held := s.lease(key)
			s.renew(held)
			s.release(false, held)
			s.staysOnProbation(began, key)
		}},
		{"ProbationOutlivesAFillThatIsNotKept", func(s *subject) {
			began, key := s.onProbation()
			s.fill(s.lease(key), "v", 0)
			s.staysOnProbation(began, key)
		}},
		{"ProbationOutlivesAValueOfShorterTTL", func(s *subject) {
			began, key := s.onProbation()
			s.fill(s.lease(key), "v", lag/4)
			s.staysOnProbation(began, key)
		}},
		{"ProbationOutlivesTheFenceOfADeadWriter", func(s *subject) {
			began, key := s.onProbation()
			s.fence(1, lag/4, key)
			s.staysOnProbation(began, key)
		}},
		{"ProbationOutlivesAFenceOverALease", func(s *subject) {
			began, key := s.onProbation()
			s.lease(key)
			s.fence(1, lag/4, key)
			s.staysOnProbation(began, key)
		}},
		{"ProbationOutlivesAFenceOverAValue", func(s *subject) {
			began, key := s.onProbation()
			s.fill(s.lease(key), "v", time.Minute)
			s.fence(1, lag/4, key)
			s.staysOnProbation(began, key)
		}},
		{"ProbationOutlivesTheFenceOfAnotherDeadWriter", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			s.fence(2, lag/4, key)
			began := during(func() { s.lift(1, lag, key) })
			s.staysOnProbation(began, key)
		}},
	}
}

func (s *subject) onProbation() (span, string) {
	s.Helper()
	key := s.key("k")
	return during(func() { s.lift(0, lag, key) }), key
}

// staysOnProbation checks that until the probation which began is over, key grants no lease that is not on it;
// it may grant none at all. Afterwards it grants them.
func (s *subject) staysOnProbation(began span, key string) {
	s.Helper()
	s.lasts("probation", began, lag, func() bool {
		g := s.ask(store.Ask{Key: key})
		if g.Granted() {
			s.release(false, store.Held{Key: key, Stamp: g.Stamp})
		}
		return !g.Granted() || g.OnProbation
	})
}
