package storetest

import (
	"bytes"
	"time"

	"github.com/cachet-go/cachet/store"
)

// refresh asks for a claim.
func refresh(held store.Held, hold time.Duration) store.Ask {
	return store.Ask{Key: held.Key, Mode: store.Refresh, Over: held.Stamp, Hold: hold}
}

// claimClauses are about what Refresh is granted over.
func claimClauses() []clause {
	return []clause{
		{"AClaimLeavesTheValueReadable", claimLeavesTheValue},
		{"AClaimIsFilledLikeALease", func(s *subject) {
			claim := s.claim(s.value(s.key("k"), "old").Key)
			s.fill(claim, "new", time.Minute)
			rec := s.reads(claim.Key, "new")
			if rec.Stamp != claim.Stamp || rec.Claimed != 0 {
				s.Errorf("Get: got stamp %v claimed for %v, want %v and no claim", rec.Stamp, rec.Claimed, claim.Stamp)
			}
			if d := rec.Born*1000 - claim.Stamp.Granted; d < -1000 || d > 1000 {
				s.Errorf("Born: got %d ms, want that of the claim at %d µs", rec.Born, claim.Stamp.Granted)
			}
		}},
		{"AClaimVoidsTheStampBeforeIt", func(s *subject) {
			first := s.value(s.key("k"), "old")
			claim := s.claim(first.Key)
			s.intrude(first, "by the stamp that the claim replaced")
			s.release(true, first)
			s.fill(claim, "new", time.Minute)
			s.reads(first.Key, "new")
		}},
		{"ARunningClaimIsNotGrantedAgain", func(s *subject) {
			value := s.value(s.key("k"), "old")
			claim := s.claim(value.Key)
			for _, over := range []store.Stamp{{}, claim.Stamp, value.Stamp} {
				g := s.refused(store.Ask{Key: value.Key, Mode: store.Refresh, Over: over, Hold: time.Minute}, store.Value)
				if string(g.Record.Payload) != "old" || g.Record.Stamp != claim.Stamp {
					s.Errorf("Lease: got %+v, want the value with the stamp of the claim", g)
				}
			}
			s.refused(store.Ask{Key: value.Key}, store.Value)
			s.fill(claim, "new", time.Minute)
		}},
		{"RefreshIsGrantedOverTheStampItNames", func(s *subject) {
			value := s.value(s.key("k"), "v")
			for _, over := range []store.Stamp{strange, {Nonce: value.Stamp.Nonce ^ 1, Granted: value.Stamp.Granted}} {
				s.refused(refresh(store.Held{Key: value.Key, Stamp: over}, time.Minute), store.Value)
			}
			if rec := s.reads(value.Key, "v"); rec.Stamp != value.Stamp || rec.Claimed != 0 {
				s.Errorf("Get after a refused claim: got %+v, want no trace of it", rec)
			}
			s.granted(refresh(value, time.Minute))
		}},
		{"RefreshWhereNothingStandsIsAnOrdinaryLease", func(s *subject) {
			for _, over := range []store.Stamp{{}, strange} {
				s.invalidate(s.key("k"))
				ordinary := s.ask(store.Ask{Key: s.key("ordinary")})
				s.invalidate(s.key("ordinary"))
				g := s.ask(refresh(store.Held{Key: s.key("k"), Stamp: over}, time.Hour))
				if !g.Granted() || g.Lease != ordinary.Lease {
					s.Errorf("Lease: got %+v, want a lease of %v", g, ordinary.Lease)
				}
				s.holds(s.key("k"), store.Lease)
			}
		}},
		{"RefreshRespectsLeasesAndFences", func(s *subject) {
			lease, fence := s.lease(s.key("lease")), s.key("fence")
			s.refused(store.Ask{Key: lease.Key, Mode: store.Refresh, Hold: time.Minute}, store.Lease)
			s.refused(refresh(lease, time.Minute), store.Lease)
			s.fence(1, time.Minute, fence)
			s.refused(store.Ask{Key: fence, Mode: store.Refresh, Hold: time.Minute}, store.Fence)
		}},
		{"AnInvalidationVoidsAClaim", func(s *subject) {
			undo := map[string]func(key string){
				"Invalidate": s.invalidate,
				"Fence":      func(key string) { s.fence(1, time.Minute, key) },
				"Lift":       func(key string) { s.lift(1, 0, key) },
			}
			for name, do := range undo {
				claim := s.claim(s.value(s.key(name), "old").Key)
				do(claim.Key)
				s.intrude(claim, "by a claim after "+name)
				if rec := s.get(claim.Key); rec.Kind == store.Value {
					s.Errorf("Get after %s: got value %q", name, rec.Payload)
				}
			}
		}},
	}
}

func claimLeavesTheValue(s *subject) {
	const hold = 2345 * time.Millisecond
	value := s.value(s.key("k"), "old")
	before := s.get(value.Key)
	time.Sleep(5 * time.Millisecond)
	g := s.ask(refresh(value, hold))
	if !g.Granted() || (g.Lease-hold).Abs() > 10*time.Millisecond {
		s.Fatalf("Lease: got %+v, want a claim of %v", g, hold)
	}
	rec := s.reads(value.Key, "old")
	if rec.Stamp != g.Stamp || g.Stamp == value.Stamp {
		s.Errorf("Stamp: got %v, want that of the claim, %v, and not that of the value, %v", rec.Stamp, g.Stamp, value.Stamp)
	}
	if rec.Claimed < hold || rec.Claimed > hold+10*time.Millisecond {
		s.Errorf("Claimed: got %v, want %v", rec.Claimed, hold)
	}
	if rec.Born != before.Born || rec.FreshFor != before.FreshFor || !bytes.Equal(rec.Codec, before.Codec) {
		s.Errorf("Get: got %+v, want %+v with another stamp", rec, before)
	}
}

// claimEndClauses are about how claims end.
func claimEndClauses() []clause {
	return []clause{
		{"AClaimKeepsTheDeadlineOfTheValue", func(s *subject) {
			const ttl = 300 * time.Millisecond
			var value store.Held
			began := during(func() { value = s.lease(s.key("k")) })
			s.fill(value, "v", ttl)
			time.Sleep(100 * time.Millisecond)
			s.ask(store.Ask{Key: value.Key, Mode: store.Refresh, Hold: time.Minute})
			s.lasts("value", began, ttl, func() bool { return s.get(value.Key).Kind == store.Value })
		}},
		{"AClaimThatIsForgottenEndsWithItsHold", func(s *subject) {
			const hold = 150 * time.Millisecond
			value := s.value(s.key("k"), "v")
			began := during(func() { s.granted(refresh(value, hold)) })
			s.lasts("claim", began, hold, func() bool {
				return !s.ask(store.Ask{Key: value.Key, Mode: store.Refresh, Hold: time.Minute}).Granted()
			})
			s.reads(value.Key, "v")
		}},
		{"AReleasedClaimEndsAtOnce", func(s *subject) {
			claim := s.claim(s.value(s.key("k"), "v").Key)
			s.release(false, claim)
			if rec := s.reads(claim.Key, "v"); rec.Claimed != 0 {
				s.Errorf("Claimed: got %v, want 0", rec.Claimed)
			}
			s.claim(claim.Key)
		}},
		{"AFailedClaimIsHeldOffForOneLeaseTime", func(s *subject) {
			term := s.ask(store.Ask{Key: s.key("term")}).Lease
			claim := s.claim(s.value(s.key("k"), "v").Key)
			time.Sleep(50 * time.Millisecond)
			began := during(func() { s.release(true, claim) })
			s.reads(claim.Key, "v")
			s.lasts("hold-off", began, term, func() bool {
				return !s.ask(store.Ask{Key: claim.Key, Mode: store.Refresh, Hold: time.Minute}).Granted()
			})
		}},
		{"ReleaseByAStrangerLeavesTheClaim", func(s *subject) {
			value := s.value(s.key("k"), "v")
			claim := s.claim(value.Key)
			near := store.Stamp{Nonce: claim.Stamp.Nonce ^ 1, Granted: claim.Stamp.Granted}
			for _, stamp := range []store.Stamp{{}, strange, value.Stamp, near} {
				s.release(false, store.Held{Key: claim.Key, Stamp: stamp})
				s.release(true, store.Held{Key: claim.Key, Stamp: stamp})
			}
			rec := s.reads(claim.Key, "v")
			if rec.Stamp != claim.Stamp || (rec.Claimed-time.Minute).Abs() > 10*time.Millisecond {
				s.Errorf("Get: got %+v, want the claim as it was", rec)
			}
			s.fill(claim, "new", time.Minute)
		}},
		{"AClaimFilledAfterItsTTLRemovesTheValue", func(s *subject) {
			claim := s.claim(s.value(s.key("k"), "old").Key)
			s.fill(claim, "new", 0)
			s.holds(claim.Key, store.Missing)
		}},
		{"AClaimCannotFillAfterTheValueEnded", func(s *subject) {
			const ttl = 150 * time.Millisecond
			var value store.Held
			began := during(func() { value = s.lease(s.key("k")) })
			s.fill(value, "v", ttl)
			g := s.ask(store.Ask{Key: value.Key, Mode: store.Refresh, Hold: time.Minute})
			if !g.Granted() || !began.surelyBefore(ttl) {
				return // it may have ended already
			}
			began.pause(ttl)
			s.intrude(store.Held{Key: value.Key, Stamp: g.Stamp}, "by a claim on what has expired")
			s.holds(value.Key, store.Missing)
		}},
		{"TTLOfARefreshedValueCountsFromTheClaim", func(s *subject) {
			const ttl = 400 * time.Millisecond
			value := s.value(s.key("k"), "old")
			var claim store.Held
			began := during(func() { claim = s.claim(value.Key) })
			time.Sleep(150 * time.Millisecond)
			s.fill(claim, "new", ttl)
			s.lasts("refreshed value", began, ttl, func() bool { return s.get(value.Key).Kind == store.Value })
		}},
	}
}
