package storetest

import (
	"fmt"
	"strconv"
	"time"

	"github.com/cachet-go/cachet/store"
)

// batchClauses are about operations on several keys.
func batchClauses() []clause {
	return []clause{
		{"ABatchAnswersInOrderAndPerKey", batchAnswersPerKey},
		{"ABatchOfFillsIsJudgedOneByOne", func(s *subject) {
			good, lost, late := s.lease(s.key("good")), s.lease(s.key("lost")), s.lease(s.key("late"))
			s.invalidate(lost.Key)
			verdicts := s.Fill(s.Context(),
				store.Fill{Held: lost, Payload: []byte("lost"), TTL: time.Minute},
				store.Fill{Held: good, Payload: []byte("good"), TTL: time.Minute},
				store.Fill{Held: store.Held{Key: s.key("none")}, Payload: []byte("none"), TTL: time.Minute},
				store.Fill{Held: late, Payload: []byte("late")},
			)
			want := []store.Verdict{{}, {Accepted: true}, {}, {Accepted: true}}
			if fmt.Sprint(verdicts) != fmt.Sprint(want) {
				s.Errorf("Fill: got %+v, want %+v", verdicts, want)
			}
			s.reads(good.Key, "good")
			s.holds(lost.Key, store.Missing)
			s.holds(late.Key, store.Missing)
		}},
		{"ABatchOfReleasesIsJudgedOneByOne", func(s *subject) {
			gone, mine, other := s.lease(s.key("gone")), s.lease(s.key("mine")), s.lease(s.key("other"))
			s.invalidate(gone.Key)
			stranger := store.Held{Key: other.Key, Stamp: strange}
			s.done("Renew", s.Renew(s.Context(), gone, stranger, mine))
			s.done("Release", s.Release(s.Context(), false, gone, stranger, mine))
			s.holds(mine.Key, store.Missing)
			s.holds(other.Key, store.Lease)
		}},
		{"AnInvalidationReachesEveryKey", func(s *subject) {
			keys := make([]string, 10)
			for i := range keys {
				keys[i] = s.key(strconv.Itoa(i))
			}
			all := func(op string, err error, want store.Kind) {
				s.Helper()
				s.done(op, err)
				for _, key := range keys {
					s.holds(key, want)
				}
			}
			for _, key := range keys[:5] {
				s.value(key, "v")
			}
			all("Invalidate", s.Store.Invalidate(s.Context(), keys...), store.Missing)
			all("Fence", s.Fence(s.Context(), 1, time.Minute, keys...), store.Fence)
			all("Lift", s.Lift(s.Context(), 1, time.Minute, keys...), store.Probation)
			all("Lift", s.Lift(s.Context(), 1, 0, keys...), store.Missing)
		}},
		{"ABatchOfNothingDoesNothing", func(s *subject) {
			ctx := s.Context()
			if grants := s.Lease(ctx); len(grants) != 0 {
				s.Errorf("Lease of nothing: got %+v", grants)
			}
			if verdicts := s.Fill(ctx); len(verdicts) != 0 {
				s.Errorf("Fill of nothing: got %+v", verdicts)
			}
			recs, err := s.GetMany(ctx, nil)
			if len(recs) != 0 {
				s.Errorf("GetMany of nothing: got %+v", recs)
			}
			s.done("GetMany", err)
			s.done("Renew", s.Renew(ctx))
			s.done("Release", s.Release(ctx, true))
			s.done("Invalidate", s.Store.Invalidate(ctx))
			s.done("Fence", s.Fence(ctx, 1, time.Minute))
			s.done("Lift", s.Lift(ctx, 1, time.Minute))
		}},
		{"ABatchHasNoLimit", largeBatch},
	}
}

func batchAnswersPerKey(s *subject) {
	missing, value, lease := s.key("missing"), s.key("value"), s.key("lease")
	fence, probation := s.key("fence"), s.key("probation")
	s.value(value, "v")
	s.lease(lease)
	s.fence(1, time.Minute, fence)
	s.lift(1, time.Minute, probation)

	keys := []string{fence, missing, value, probation, lease}
	want := []store.Kind{store.Fence, store.Missing, store.Value, store.Probation, store.Lease}
	recs, err := s.GetMany(s.Context(), keys)
	s.done("GetMany", err)
	if len(recs) != len(keys) {
		s.Fatalf("GetMany: got %d records, want %d", len(recs), len(keys))
	}
	for i, rec := range recs {
		if rec.Kind != want[i] {
			s.Errorf("GetMany: got kind %d of %q, want %d", rec.Kind, keys[i], want[i])
		}
	}
	if string(recs[2].Payload) != "v" {
		s.Errorf("GetMany: got %+v, want the value", recs[2])
	}

	asks := make([]store.Ask, len(keys))
	for i, key := range keys {
		asks[i] = store.Ask{Key: key}
	}
	want[3] = store.Missing
	grants := s.Lease(s.Context(), asks...)
	if len(grants) != len(keys) {
		s.Fatalf("Lease: got %d grants, want %d", len(grants), len(keys))
	}
	for i, g := range grants {
		if g.Err != nil || g.Kind != want[i] || g.OnProbation != (keys[i] == probation) {
			s.Errorf("Lease: got %+v for %q, want kind %d", g, keys[i], want[i])
		}
	}
	s.fill(store.Held{Key: missing, Stamp: grants[1].Stamp}, "filled", time.Minute)
	s.fill(store.Held{Key: probation, Stamp: grants[3].Stamp}, "filled", time.Minute)
}

func largeBatch(s *subject) {
	keys := make([]string, 2500)
	asks := make([]store.Ask, len(keys))
	for i := range keys {
		keys[i] = s.prefix + strconv.Itoa(i)
		asks[i] = store.Ask{Key: keys[i]}
	}
	s.used = keys
	fills := make([]store.Fill, len(keys))
	for i, g := range s.Lease(s.Context(), asks...) {
		if !g.Granted() {
			s.Fatalf("Lease %d: got %+v", i, g)
		}
		fills[i] = store.Fill{Held: store.Held{Key: keys[i], Stamp: g.Stamp}, Payload: []byte(keys[i]), TTL: time.Minute}
	}
	for i, v := range s.Fill(s.Context(), fills...) {
		if !v.Accepted {
			s.Fatalf("Fill %d: got %+v", i, v)
		}
	}
	recs, err := s.GetMany(s.Context(), keys)
	s.done("GetMany", err)
	for i, rec := range recs {
		if string(rec.Payload) != keys[i] {
			s.Fatalf("GetMany %d: got %q, want %q", i, rec.Payload, keys[i])
		}
	}
	s.done("Invalidate", s.Store.Invalidate(s.Context(), keys...))
	recs, err = s.GetMany(s.Context(), keys)
	s.done("GetMany", err)
	for i, rec := range recs {
		if rec.Kind != store.Missing {
			s.Fatalf("GetMany %d after Invalidate: got kind %d", i, rec.Kind)
		}
	}
}
