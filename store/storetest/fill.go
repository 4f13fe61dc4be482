package storetest

import (
	"time"

	"github.com/cachet-go/cachet/store"
)

// fillClauses are about what becomes of fills.
func fillClauses() []clause {
	return []clause{
		{"AFillByItsLeaseIsStored", func(s *subject) {
			key := s.key("k")
			s.value(key, "v")
			s.reads(key, "v")
			recs, err := s.GetMany(s.Context(), []string{key})
			s.done("GetMany", err)
			if len(recs) != 1 || string(recs[0].Payload) != "v" {
				s.Errorf("GetMany: got %+v, want the value", recs)
			}
		}},
		{"ARefusedFillChangesNothing", refusedFillChangesNothing},
		{"ARepeatedFillIsAcceptedAgain", func(s *subject) {
			held := s.lease(s.key("k"))
			s.fill(held, "v", time.Minute)
			s.fill(held, "v", time.Minute)
			s.reads(held.Key, "v")
			s.invalidate(held.Key)
			s.intrude(held, "again, after Invalidate")
		}},
		{"AFilledLeaseIsNoLeaseAnyMore", func(s *subject) {
			const ttl = 150 * time.Millisecond
			var held store.Held
			began := during(func() { held = s.lease(s.key("k")) })
			s.fill(held, "v", ttl)
			began.pause(ttl)
			s.holds(held.Key, store.Missing)
			s.intrude(held, "by a lease that was filled with what has expired")
		}},
	}
}

func refusedFillChangesNothing(s *subject) {
	value := s.value(s.key("value"), "v")
	before := s.get(value.Key)
	s.intrude(store.Held{Key: value.Key, Stamp: strange}, "over a value")
	if after := s.reads(value.Key, "v"); after.Stamp != before.Stamp || after.Born != before.Born {
		s.Errorf("Get after a refused fill: got %+v, want %+v", after, before)
	}

	lease := s.lease(s.key("lease"))
	s.intrude(store.Held{Key: lease.Key, Stamp: strange}, "over a lease")
	s.holds(lease.Key, store.Lease)
	s.fill(lease, "v", time.Minute)

	claim := s.value(s.key("claim"), "v")
	held := s.claim(claim.Key)
	s.intrude(claim, "by a stamp that a claim has replaced")
	s.reads(claim.Key, "v")
	s.fill(held, "w", time.Minute)

	fence := s.key("fence")
	s.fence(1, time.Minute, fence)
	s.intrude(store.Held{Key: fence, Stamp: strange}, "over a fence")
	s.intrude(store.Held{Key: fence, Stamp: store.Stamp{Nonce: 1}}, "over a fence, by its token")
	s.holds(fence, store.Fence)
}

// ttlClauses are about how long values are kept.
func ttlClauses() []clause {
	kept := func(s *subject, key string) func() bool {
		return func() bool { return s.get(key).Kind == store.Value }
	}
	return []clause{
		{"AValueEndsWithItsTTL", func(s *subject) {
			const ttl = 300 * time.Millisecond
			var held store.Held
			began := during(func() { held = s.lease(s.key("k")) })
			s.fill(held, "v", ttl)
			s.lasts("value", began, ttl, kept(s, held.Key))
			s.lease(held.Key)
		}},
		{"TTLCountsFromTheGrant", func(s *subject) {
			const ttl, load = 500 * time.Millisecond, 200 * time.Millisecond
			var held store.Held
			began := during(func() { held = s.lease(s.key("k")) })
			time.Sleep(load)
			s.fill(held, "v", ttl)
			s.lasts("value", began, ttl, kept(s, held.Key))
		}},
		{"ARepeatedFillDoesNotProlongTheTTL", func(s *subject) {
			const ttl, load = 500 * time.Millisecond, 200 * time.Millisecond
			var held store.Held
			began := during(func() { held = s.lease(s.key("k")) })
			s.fill(held, "v", ttl)
			time.Sleep(load)
			s.offer(store.Fill{Held: held, Codec: codec, Payload: []byte("v"), TTL: ttl})
			s.lasts("value", began, ttl, kept(s, held.Key))
		}},
		{"AFillAfterItsTTLIsAcceptedButNotKept", func(s *subject) {
			const ttl = 50 * time.Millisecond
			var held store.Held
			began := during(func() { held = s.lease(s.key("k")) })
			began.pause(ttl)
			s.fill(held, "v", ttl)
			s.holds(held.Key, store.Missing)
			s.lease(held.Key)
		}},
		{"AFillWithoutTTLGivesTheLeaseBack", func(s *subject) {
			for _, ttl := range []time.Duration{0, -1, -time.Hour} {
				held := s.lease(s.key("k"))
				s.fill(held, "v", ttl)
				s.holds(held.Key, store.Missing)
			}
		}},
		{"AFillWithoutTTLIsRefusedLikeAnyOther", func(s *subject) {
			held := s.lease(s.key("k"))
			s.invalidate(held.Key)
			if s.offer(store.Fill{Held: held}) {
				s.Error("Fill without TTL after Invalidate: accepted")
			}
		}},
	}
}
