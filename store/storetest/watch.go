package storetest

import (
	"time"

	"github.com/cachet-go/cachet/store"
)

// watchClauses are about wake-ups. The contract allows that one is lost; where nothing is amiss they come.
func watchClauses() []clause {
	return []clause{
		{"AWatcherIsWokenByTheFill", func(s *subject) {
			held, w := s.waiting()
			s.fill(held, "v", time.Minute)
			s.woken(w, store.Changed)
		}},
		{"AWatcherIsWokenByTheRelease", func(s *subject) {
			held, w := s.waiting()
			s.release(false, held)
			s.woken(w, store.Changed)
		}},
		{"AWatcherIsToldThatTheLoadFailed", func(s *subject) {
			held, w := s.waiting()
			s.release(true, held)
			s.woken(w, store.Failed)
		}},
		{"AWatcherIsWokenByAFillThatIsNotKept", func(s *subject) {
			held, w := s.waiting()
			s.fill(held, "v", 0)
			s.woken(w, store.Changed)
		}},
		{"AWatcherIsWokenByTheFillOfARenewedLease", func(s *subject) {
			held, w := s.waiting()
			s.renew(held)
			s.fill(held, "v", time.Minute)
			s.woken(w, store.Changed)
		}},
		{"AWatcherIsWokenByTheFillOfALeaseOnProbation", func(s *subject) {
			s.lift(0, time.Minute, s.key("k"))
			held, w := s.waiting()
			s.fill(held, "v", time.Minute)
			s.woken(w, store.Changed)
		}},
		{"EveryWatcherIsWoken", func(s *subject) {
			held, one := s.waiting()
			other := s.watch(held.Key)
			s.fill(held, "v", time.Minute)
			s.woken(one, store.Changed)
			s.woken(other, store.Changed)
		}},
		{"AWatcherIsWokenAgainForTheNextLease", func(s *subject) {
			held, w := s.waiting()
			s.release(false, held)
			s.woken(w, store.Changed)
			held = s.lease(held.Key)
			s.refused(store.Ask{Key: held.Key}, store.Lease)
			s.release(true, held)
			s.eventually("the next wake-up", func() bool {
				select {
				case why := <-w.C():
					return why == store.Failed
				default:
					return false
				}
			})
		}},
		{"ClosingAWatchLeavesOthers", func(s *subject) {
			held, w := s.waiting()
			closed, err := s.Watch(s.Context(), held.Key)
			s.done("Watch", err)
			closed.Close()
			s.fill(held, "v", time.Minute)
			s.woken(w, store.Changed)
		}},
		{"WakeUpsDoNotPileUp", func(s *subject) {
			held, w := s.waiting()
			s.release(false, held)
			for range 5 {
				held = s.lease(held.Key)
				s.refused(store.Ask{Key: held.Key}, store.Lease)
				s.release(false, held)
			}
			s.eventually("a wake-up", func() bool { return len(w.C()) > 0 || cap(w.C()) == 0 })
			if n := len(w.C()); n > 1 {
				s.Errorf("C: got %d wake-ups that nobody has received, want one", n)
			}
		}},
	}
}

// waiting takes a lease, watches it and asks for it as a waiter does.
func (s *subject) waiting() (store.Held, store.Watch) {
	s.Helper()
	held := s.lease(s.key("k"))
	w := s.watch(held.Key)
	s.refused(store.Ask{Key: held.Key}, store.Lease)
	return held, w
}

func (s *subject) watch(key string) store.Watch {
	s.Helper()
	w, err := s.Watch(s.Context(), key)
	s.done("Watch", err)
	s.Cleanup(w.Close)
	return w
}

func (s *subject) woken(w store.Watch, want store.Wake) {
	s.Helper()
	select {
	case why := <-w.C():
		if why != want {
			s.Errorf("C: woken by %d, want %d", why, want)
		}
	case <-time.After(patience):
		s.Errorf("C: not woken in %v", patience)
	}
}
