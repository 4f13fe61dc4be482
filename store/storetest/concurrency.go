package storetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/store"
)

// concurrencyClauses are about callers who do not wait for one another.
func concurrencyClauses() []clause {
	return []clause{
		{"OfManyWhoAskAtOnceOneIsGranted", func(s *subject) {
			for i := range 10 {
				key := s.key(fmt.Sprint("missing", i))
				s.oneIsGranted(store.Ask{Key: key})
				value := s.value(s.key(fmt.Sprint("value", i)), "v")
				s.oneIsGranted(refresh(value, time.Minute))
				value = s.value(s.key(fmt.Sprint("spoilt", i)), "v")
				s.oneIsGranted(store.Ask{Key: value.Key, Mode: store.Discard, Over: value.Stamp})
			}
		}},
		{"FencesOfManyWritersAreAllKept", func(s *subject) {
			const writers = 8
			key := s.key("k")
			together(writers, func(i int) {
				if err := s.Fence(s.Context(), uint64(i)+1, time.Minute, key); err != nil {
					s.Errorf("Fence: %v", err)
				}
			})
			for i := range writers {
				s.refused(store.Ask{Key: key}, store.Fence)
				s.lift(uint64(i)+1, 0, key)
			}
			s.lease(key)
		}},
		{"NothingReadBeforeAnInvalidationIsReadAfterIt", neverStale},
	}
}

func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}

func (s *subject) oneIsGranted(a store.Ask) {
	s.Helper()
	var granted atomic.Int64
	together(8, func(int) {
		g := s.Lease(s.Context(), a)[0]
		if g.Err != nil {
			s.Errorf("Lease(%+v): %v", a, g.Err)
		}
		if g.Granted() {
			granted.Add(1)
		}
	})
	if n := granted.Load(); n != 1 {
		s.Errorf("Lease(%+v) by many: %d were granted, want one", a, n)
	}
}
