package storetest

import (
	"time"

	"github.com/cachet-go/cachet/store"
)

// discardClauses are about Discard.
func discardClauses() []clause {
	discard := func(held store.Held) store.Ask {
		return store.Ask{Key: held.Key, Mode: store.Discard, Over: held.Stamp}
	}
	return []clause{
		{"DiscardPutsALeaseInThePlaceOfTheValueItNames", func(s *subject) {
			value := s.value(s.key("k"), "spoilt")
			held := s.granted(discard(value))
			s.holds(value.Key, store.Lease)
			s.intrude(value, "by the stamp of a discarded value")
			s.fill(held, "good", time.Minute)
			s.reads(value.Key, "good")
		}},
		{"ADiscardedValuesLeaseLapses", func(s *subject) {
			value := s.value(s.key("k"), "spoilt")
			var g store.Grant
			began := during(func() { g = s.ask(discard(value)) })
			s.lasts("lease", began, g.Lease, func() bool { return s.get(value.Key).Kind == store.Lease })
			s.holds(value.Key, store.Missing)
		}},
		{"DiscardLeavesAnotherValue", func(s *subject) {
			value := s.value(s.key("k"), "v")
			for _, over := range []store.Stamp{{}, strange, {Nonce: value.Stamp.Nonce ^ 1, Granted: value.Stamp.Granted}} {
				g := s.refused(discard(store.Held{Key: value.Key, Stamp: over}), store.Value)
				if string(g.Record.Payload) != "v" {
					s.Errorf("Lease: got %+v, want the value", g)
				}
			}
			s.reads(value.Key, "v")
		}},
		{"DiscardOverAClaimVoidsIt", func(s *subject) {
			claim := s.claim(s.value(s.key("k"), "spoilt").Key)
			held := s.granted(discard(claim))
			s.intrude(claim, "by a claim on a discarded value")
			s.fill(held, "good", time.Minute)
		}},
		{"DiscardIsOtherwiseLikeIfMissing", func(s *subject) {
			lease, fence := s.lease(s.key("lease")), s.key("fence")
			s.refused(discard(lease), store.Lease)
			s.fence(1, time.Minute, fence)
			s.refused(discard(store.Held{Key: fence, Stamp: strange}), store.Fence)
			s.granted(discard(store.Held{Key: s.key("missing"), Stamp: strange}))
		}},
	}
}
