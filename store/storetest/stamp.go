package storetest

import (
	"strconv"
	"time"

	"github.com/cachet-go/cachet/store"
)

// stampClauses are about the one rule: a fill is stored only if the record bears exactly its stamp.
func stampClauses() []clause {
	return []clause{
		{"NoTwoGrantsBearOneStamp", func(s *subject) {
			key, seen := s.key("k"), make(map[store.Stamp]bool)
			for range 200 {
				held := s.lease(key)
				if seen[held.Stamp] {
					s.Fatalf("Lease: stamp %v was granted twice", held.Stamp)
				}
				seen[held.Stamp] = true
				s.invalidate(key)
			}
		}},
		{"StampsTellTheTimeOfTheGrantInMicroseconds", stampsTellTime},
		{"TheZeroStampAdmitsNothing", func(s *subject) {
			missing, fenced, probation := s.key("missing"), s.key("fenced"), s.key("probation")
			s.fence(1, time.Minute, fenced)
			s.lift(1, time.Minute, probation)
			for _, key := range []string{missing, fenced, probation} {
				s.intrude(store.Held{Key: key}, "with the zero stamp, "+key)
			}
			s.holds(missing, store.Missing)
			s.holds(fenced, store.Fence)
			s.holds(probation, store.Probation)
		}},
		{"AFillWithoutALeaseIsRefused", func(s *subject) {
			key := s.key("k")
			s.intrude(store.Held{Key: key, Stamp: strange}, "where nothing stands")
			s.holds(key, store.Missing)
		}},
		{"EveryBitOfAStampCounts", everyBitCounts},
		{"AStampIsOfOneKey", func(s *subject) {
			a, b := s.lease(s.key("a")), s.lease(s.key("b"))
			s.intrude(store.Held{Key: b.Key, Stamp: a.Stamp}, "by the lease of another key")
			s.fill(b, "b", time.Minute)
		}},
		{"AFillIsRefusedAfterInvalidate", func(s *subject) {
			held := s.lease(s.key("k"))
			s.invalidate(held.Key)
			s.intrude(held, "after Invalidate")
			s.holds(held.Key, store.Missing)
		}},
		{"AFillIsRefusedAfterFence", func(s *subject) {
			held := s.lease(s.key("k"))
			s.fence(1, time.Minute, held.Key)
			s.intrude(held, "after Fence")
			s.holds(held.Key, store.Fence)
			s.lift(1, 0, held.Key)
			s.intrude(held, "after Fence and Lift")
			s.holds(held.Key, store.Missing)
		}},
		{"AFillIsRefusedAfterLift", func(s *subject) {
			held := s.lease(s.key("k"))
			s.lift(7, 0, held.Key)
			s.intrude(held, "after Lift")
			s.holds(held.Key, store.Missing)
			held = s.lease(held.Key)
			s.lift(7, time.Minute, held.Key)
			s.intrude(held, "after Lift with probation")
			s.holds(held.Key, store.Probation)
		}},
		{"AFillIsRefusedAfterRelease", func(s *subject) {
			held := s.lease(s.key("k"))
			s.release(false, held)
			s.intrude(held, "after Release")
			s.holds(held.Key, store.Missing)
		}},
		{"ASecondGrantDoesNotAdmitTheFirstStamp", func(s *subject) {
			first := s.lease(s.key("k"))
			s.invalidate(first.Key)
			second := s.lease(first.Key)
			s.intrude(first, "by the stamp before")
			s.fill(second, "second", time.Minute)
			s.intrude(first, "by the stamp before, over a value")
			s.reads(first.Key, "second")
		}},
		{"ALeaseOfAnExpiredHolderCannotFill", expiredHolder},
	}
}

// strange is a stamp that nobody was granted.
var strange = store.Stamp{Nonce: 0x0123456789abcdef, Granted: 1_700_000_000_000_000}

func stampsTellTime(s *subject) {
	var first, second store.Held
	one := during(func() { first = s.lease(s.key("a")) })
	time.Sleep(100 * time.Millisecond)
	two := during(func() { second = s.lease(s.key("b")) })
	got := time.Duration(second.Stamp.Granted-first.Stamp.Granted) * time.Microsecond
	least, most := two.before.Sub(one.after)-early, two.after.Sub(one.before)+early
	if got < least || got > most {
		s.Errorf("Stamp.Granted: two grants are %v apart, want between %v and %v", got, least, most)
	}
	if d := time.Since(time.UnixMicro(first.Stamp.Granted)).Abs(); d > 24*time.Hour {
		s.Errorf("Stamp.Granted: got %d, which is %v from now", first.Stamp.Granted, d)
	}
}

// expiredHolder tries several keys, for a store may drop some of what has ended before it is asked for.
func expiredHolder(s *subject) {
	var (
		held [8]store.Held
		term time.Duration
	)
	began := during(func() {
		for i := range held {
			key := s.key(strconv.Itoa(i))
			g := s.ask(store.Ask{Key: key})
			held[i], term = store.Held{Key: key, Stamp: g.Stamp}, g.Lease
		}
	})
	began.pause(term)
	fills := make([]store.Fill, len(held))
	for i, h := range held {
		fills[i] = store.Fill{Held: h, Codec: codec, Payload: []byte("late"), TTL: time.Minute}
	}
	for i, v := range s.Fill(s.Context(), fills...) {
		if v.Accepted || v.Err != nil {
			s.Errorf("Fill %d of %d by leases that have lapsed: got %+v", i, len(fills), v)
		}
	}
	for _, h := range held {
		s.holds(h.Key, store.Missing)
		s.value(h.Key, "next")
		s.intrude(h, "by a lease that has lapsed, over a value")
		s.reads(h.Key, "next")
	}
}

// everyBitCounts tells apart a store that compares stamps as floating-point numbers.
func everyBitCounts(s *subject) {
	held := s.lease(s.key("k"))
	for _, bit := range []int{0, 1, 7, 8, 31, 32, 52, 63} {
		other := held
		other.Stamp.Nonce ^= 1 << bit
		s.intrude(other, "with another nonce")
		other = held
		other.Stamp.Granted ^= 1 << bit
		s.intrude(other, "with another time of grant")
	}
	s.intrude(store.Held{Key: held.Key, Stamp: store.Stamp{Nonce: held.Stamp.Nonce}}, "with no time of grant")
	s.intrude(store.Held{Key: held.Key, Stamp: store.Stamp{Granted: held.Stamp.Granted}}, "with no nonce")
	s.fill(held, "mine", time.Minute)
	s.reads(held.Key, "mine")
}
