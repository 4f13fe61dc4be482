package storetest

import (
	"time"

	"github.com/cachet-go/cachet/store"
)

// fenceClauses are about the fence of one writer.
func fenceClauses() []clause {
	return []clause{
		{"AFenceRemovesTheValue", func(s *subject) {
			value := s.value(s.key("k"), "old")
			s.fence(1, time.Minute, value.Key)
			s.holds(value.Key, store.Fence)
			s.lift(1, 0, value.Key)
			s.holds(value.Key, store.Missing)
		}},
		{"NoLeaseIsGrantedUntilAFenceIsLifted", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			for _, mode := range []store.Mode{store.IfMissing, store.Refresh, store.Discard} {
				s.refused(store.Ask{Key: key, Mode: mode, Hold: time.Minute}, store.Fence)
			}
			s.lift(1, 0, key)
			s.lease(key)
		}},
		{"TheFenceOfADeadWriterLapses", func(s *subject) {
			const d = 200 * time.Millisecond
			key := s.key("k")
			began := during(func() { s.fence(1, d, key) })
			s.lasts("fence", began, d, func() bool { return s.ask(store.Ask{Key: key}).Kind == store.Fence })
			s.holds(key, store.Lease)
		}},
		{"ARepeatedFenceIsOneFence", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			s.fence(1, time.Minute, key)
			s.lift(1, 0, key)
			s.lease(key)
		}},
		{"ALiftedFenceMayBeLiftedAgain", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			s.lift(1, 0, key)
			s.lift(1, 0, key)
			s.holds(key, store.Missing)
		}},
	}
}

// fencesClauses are about the fences of several writers on one key.
func fencesClauses() []clause {
	fenced := func(s *subject, key string) func() bool {
		return func() bool { return s.get(key).Kind == store.Fence }
	}
	return []clause{
		{"TheFirstWritersLiftLeavesTheSecondFence", func(s *subject) {
			for _, first := range []uint64{1, 2} {
				key := s.key("k")
				s.fence(1, time.Minute, key)
				s.fence(2, time.Minute, key)
				s.lift(first, 0, key)
				s.refused(store.Ask{Key: key}, store.Fence)
				s.lift(3-first, 0, key)
				s.lease(key)
				s.invalidate(key)
			}
		}},
		{"TokensAreSixtyFourBitsWide", func(s *subject) {
			key := s.key("k")
			tokens := []uint64{1, 1 << 32, 1 << 63, 1<<63 | 1, 1<<53 + 1, 1 << 53, ^uint64(0), ^uint64(0) - 1}
			for i, first := range tokens {
				for _, second := range tokens[:i] {
					s.fence(first, time.Minute, key)
					s.fence(second, time.Minute, key)
					s.lift(first, 0, key)
					s.refused(store.Ask{Key: key}, store.Fence)
					s.lift(second, 0, key)
					s.release(false, s.lease(key))
				}
			}
		}},
		{"AShorterFenceDoesNotShortenALongerOne", func(s *subject) {
			const short, long = 100 * time.Millisecond, 350 * time.Millisecond
			key := s.key("k")
			began := during(func() { s.fence(1, long, key) })
			s.fence(2, short, key)
			s.lasts("longer fence", began, long, fenced(s, key))
		}},
		{"ALongerFenceProlongsTheStay", func(s *subject) {
			const short, long = 100 * time.Millisecond, 350 * time.Millisecond
			key := s.key("k")
			s.fence(1, short, key)
			began := during(func() { s.fence(2, long, key) })
			s.lasts("longer fence", began, long, fenced(s, key))
		}},
		{"EachFenceHasItsOwnEnd", func(s *subject) {
			const short = 150 * time.Millisecond
			key := s.key("k")
			s.fence(1, time.Minute, key)
			began := during(func() { s.fence(2, short, key) })
			s.lift(1, 0, key)
			s.lasts("shorter fence after the longer was lifted", began, short, fenced(s, key))
			s.lease(key)
		}},
		{"AFenceThatHasEndedIsNotInTheWay", func(s *subject) {
			const short = 100 * time.Millisecond
			key := s.key("k")
			began := during(func() { s.fence(1, short, key) })
			s.fence(2, time.Minute, key)
			began.pause(short)
			s.refused(store.Ask{Key: key}, store.Fence)
			s.lift(2, 0, key)
			s.lease(key)
		}},
		{"TheRestOfTheLongestFenceIsTold", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Hour, key)
			s.fence(2, time.Minute, key)
			if g := s.refused(store.Ask{Key: key}, store.Fence); g.Lease < 59*time.Minute || g.Lease > time.Hour {
				s.Errorf("Lease: got %v as the rest of an hour", g.Lease)
			}
			s.lift(1, 0, key)
			if g := s.refused(store.Ask{Key: key}, store.Fence); g.Lease < 50*time.Second || g.Lease > time.Minute {
				s.Errorf("Lease: got %v as the rest of a minute", g.Lease)
			}
		}},
	}
}
