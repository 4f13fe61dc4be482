package storetest

import (
	"bytes"
	"time"

	"github.com/cachet-go/cachet/store"
)

// recordClauses are about what a look-up finds.
func recordClauses() []clause {
	return []clause{
		{"NothingReadsAsMissing", func(s *subject) {
			s.holds(s.key("k"), store.Missing)
		}},
		{"ALeaseReadsAsLease", func(s *subject) {
			key := s.key("k")
			s.lease(key)
			s.holds(key, store.Lease)
		}},
		{"AFenceReadsAsFence", func(s *subject) {
			key := s.key("k")
			s.fence(1, time.Minute, key)
			s.holds(key, store.Fence)
		}},
		{"ProbationReadsAsProbation", func(s *subject) {
			key := s.key("k")
			s.lift(0, time.Minute, key)
			s.holds(key, store.Probation)
		}},
		{"AValueReadsBackAsItWasFilled", valueReadsBack},
		{"BornIsTheGrantAndNotTheFill", func(s *subject) {
			held := s.lease(s.key("k"))
			time.Sleep(50 * time.Millisecond)
			s.fill(held, "v", time.Minute)
			rec := s.reads(held.Key, "v")
			if d := rec.Born*1000 - held.Stamp.Granted; d < -1000 || d > 1000 {
				s.Errorf("Born: got %d ms, want that of the grant at %d µs", rec.Born, held.Stamp.Granted)
			}
		}},
		{"LoadCostIsRoundedUpToTheMillisecond", func(s *subject) {
			held := s.lease(s.key("k"))
			s.offer(store.Fill{Held: held, LoadCost: time.Millisecond + 1, TTL: time.Minute})
			if got := s.get(held.Key).LoadCost; got != 2*time.Millisecond {
				s.Errorf("LoadCost: got %v, want 2ms", got)
			}
		}},
		{"AbsenceIsAFlagAndNoPayloadIsSpecial", absenceIsAFlag},
		{"APayloadOfAMebibyteReadsBack", func(s *subject) {
			held := s.lease(s.key("k"))
			payload := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			s.fill(held, string(payload), time.Minute)
			if got := s.get(held.Key); !bytes.Equal(got.Payload, payload) {
				s.Errorf("Get: got kind %d, %d bytes, want the %d that were filled", got.Kind, len(got.Payload), len(payload))
			}
		}},
		{"WhatIsFilledIsCopied", func(s *subject) {
			held := s.lease(s.key("k"))
			payload := []byte("before")
			s.offer(store.Fill{Held: held, Codec: codec, Payload: payload, TTL: time.Minute})
			copy(payload, "after!")
			s.reads(held.Key, "before")
		}},
		{"KeysAreAnyBytesAndApart", keysAreApart},
	}
}

func valueReadsBack(s *subject) {
	held := s.lease(s.key("k"))
	payload := "\x00\xff\r\n payload"
	accepted := s.offer(store.Fill{
		Held: held, Codec: codec, Payload: []byte(payload),
		FreshFor: 1500 * time.Millisecond, LoadCost: 20 * time.Millisecond, TTL: time.Minute,
	})
	if !accepted {
		s.Fatal("Fill: refused")
	}
	for _, rec := range []store.Record{
		s.reads(held.Key, payload),
		s.refused(store.Ask{Key: held.Key}, store.Value).Record,
	} {
		if string(rec.Payload) != payload {
			s.Errorf("Payload: got %q, want %q", rec.Payload, payload)
		}
		if rec.Stamp != held.Stamp {
			s.Errorf("Stamp: got %v, want that of the lease, %v", rec.Stamp, held.Stamp)
		}
		if rec.Absent {
			s.Error("Absent: got true, want false")
		}
		if string(rec.Codec) != codec {
			s.Errorf("Codec: got %q, want %q", rec.Codec, codec)
		}
		if rec.FreshFor != 1500*time.Millisecond {
			s.Errorf("FreshFor: got %v, want 1.5s", rec.FreshFor)
		}
		if rec.LoadCost != 20*time.Millisecond {
			s.Errorf("LoadCost: got %v, want 20ms", rec.LoadCost)
		}
		if rec.Claimed != 0 {
			s.Errorf("Claimed: got %v, want 0", rec.Claimed)
		}
	}
}

func absenceIsAFlag(s *subject) {
	absent := s.lease(s.key("absent"))
	s.offer(store.Fill{Held: absent, Absent: true, TTL: time.Minute})
	if rec := s.get(absent.Key); rec.Kind != store.Value || !rec.Absent || len(rec.Payload) != 0 {
		s.Errorf("Get of a known absence: got %+v, want an absent value", rec)
	}
	for _, payload := range []string{"", "*", "null", "L", "\xc1", "\xc1V\x01", "0"} {
		key := s.key("present:" + payload)
		s.value(key, payload)
		if rec := s.reads(key, payload); rec.Absent {
			s.Errorf("Get of payload %q: got an absence", payload)
		}
	}
}

func keysAreApart(s *subject) {
	names := []string{
		"a", "a:b", "a:b:c", "A", " a", "a ", "{a}", "{a}b", "a*", "a?", "[a]", "é", "\x00", "\xff\n\r", "%s", "a\x00",
	}
	for _, name := range names {
		s.value(s.key(name), name)
	}
	for _, name := range names {
		s.reads(s.key(name), name)
	}
	s.invalidate(s.key("a*"))
	for _, name := range names {
		if name != "a*" {
			s.reads(s.key(name), name)
		}
	}
}
