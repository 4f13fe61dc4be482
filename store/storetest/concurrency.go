package storetest

import (
	"fmt"
	"math/rand/v2"
	"strconv"
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

// neverStale lets readers fill from a source that writers change and invalidate, for a while.
func neverStale(s *subject) {
	const (
		clients = 6
		rounds  = 300 * time.Millisecond
	)
	var (
		key            = s.key("k")
		source, oldest atomic.Int64 // what is committed, and what no reader may go behind
		stale, hits    atomic.Int64
	)
	write := func() error {
		version := source.Add(1)
		token := rand.Uint64() | 1
		var err error
		switch rand.N(3) {
		case 0:
			err = s.Store.Invalidate(s.Context(), key)
		case 1:
			err = s.Lift(s.Context(), 0, 0, key)
		default:
			if err = s.Fence(s.Context(), token, time.Second, key); err == nil {
				err = s.Lift(s.Context(), token, 0, key)
			}
		}
		for err == nil {
			known := oldest.Load()
			if known >= version || oldest.CompareAndSwap(known, version) {
				break
			}
		}
		return err
	}
	read := func() error {
		least := oldest.Load()
		rec, err := s.Get(s.Context(), key)
		if err != nil {
			return err
		}
		if rec.Kind == store.Value {
			hits.Add(1)
			if version, err := strconv.ParseInt(string(rec.Payload), 10, 64); err != nil || version < least {
				stale.Add(1)
			}
		}
		mode := store.IfMissing
		if rand.N(4) == 0 {
			mode = store.Refresh
		}
		g := s.Lease(s.Context(), store.Ask{Key: key, Mode: mode, Hold: time.Second})[0]
		if !g.Granted() {
			return g.Err
		}
		payload := strconv.AppendInt(nil, source.Load(), 10)
		time.Sleep(rand.N(time.Millisecond))
		held := store.Held{Key: key, Stamp: g.Stamp}
		return s.Fill(s.Context(), store.Fill{Held: held, Payload: payload, TTL: time.Minute})[0].Err
	}
	until := time.Now().Add(rounds)
	together(clients, func(i int) {
		for time.Now().Before(until) {
			do := read
			if i == 0 {
				time.Sleep(rand.N(3 * time.Millisecond))
				do = write
			}
			if err := do(); err != nil {
				s.Errorf("%v", err)
				return
			}
		}
	})
	if n := stale.Load(); n > 0 {
		s.Errorf("%d of %d hits were older than an invalidation that had returned before them", n, hits.Load())
	}
}
