package storetest

import (
	"fmt"
	"time"

	"github.com/cachet-go/cachet/store"
)

// clearClauses are about stores that are a store.Clearer; others skip them.
func clearClauses() []clause {
	return []clause{
		{"ClearInvalidatesWhatBeginsWithThePrefix", func(s *subject) {
			c := s.clearer()
			value, lease, probation := s.key("user:value"), s.key("user:lease"), s.key("user:probation")
			held := s.value(value, "v")
			leased := s.lease(lease)
			s.lift(1, time.Minute, probation)
			if err := c.Clear(s.Context(), s.prefix+"user:"); err != nil {
				s.Fatalf("Clear: %v", err)
			}
			for _, key := range []string{value, lease, probation} {
				s.holds(key, store.Missing)
			}
			s.intrude(held, "after Clear")
			s.intrude(leased, "after Clear")
		}},
		{"ClearLeavesFencesAndOtherKeys", func(s *subject) {
			c := s.clearer()
			fence, other, near := s.key("user:fence"), s.value(s.key("users:1"), "1"), s.value(s.key("user"), "2")
			s.fence(1, time.Minute, fence)
			if err := c.Clear(s.Context(), s.prefix+"user:"); err != nil {
				s.Fatalf("Clear: %v", err)
			}
			s.holds(fence, store.Fence)
			s.reads(other.Key, "1")
			s.reads(near.Key, "2")
		}},
		{"ClearTakesAPrefixAsItIs", func(s *subject) {
			c := s.clearer()
			for prefix, other := range map[string]string{
				`a*:`: `ax:`, `b?:`: `bx:`, `c[x]:`: `cx:`, `d\:`: `d:`, `e*[x]?\:`: `exxx:`,
			} {
				in, out := s.value(s.key(prefix+"1"), "1"), s.value(s.key(other+"1"), "2")
				if err := c.Clear(s.Context(), s.prefix+prefix); err != nil {
					s.Fatalf("Clear: %v", err)
				}
				s.holds(in.Key, store.Missing)
				s.reads(out.Key, "2")
			}
			if err := c.Clear(s.Context(), ""); err == nil {
				s.Error("Clear of an empty prefix: got nil, want an error")
			}
		}},
		{"ClearReachesThousands", func(s *subject) {
			c := s.clearer()
			asks := make([]store.Ask, 3000)
			for i := range asks {
				asks[i].Key = s.key(fmt.Sprintf("many:%d", i))
			}
			s.Lease(s.Context(), asks...)
			if err := c.Clear(s.Context(), s.prefix+"many:"); err != nil {
				s.Fatalf("Clear: %v", err)
			}
			for _, a := range []store.Ask{asks[0], asks[1500], asks[2999]} {
				s.holds(a.Key, store.Missing)
			}
		}},
	}
}

func (s *subject) clearer() store.Clearer { //nolint:ireturn // it is what the clauses are about
	c, ok := s.Store.(store.Clearer)
	if !ok {
		s.Skip("the store is no store.Clearer")
	}
	return c
}
