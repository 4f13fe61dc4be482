// Package memstore keeps records in the process.
//
// It is the store of a program that runs alone, and of tests: all time is read with [time.Now], so that
// inside a bubble of testing/synctest its leases, fences and values end by the bubble's clock.
package memstore

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cachet-go/cachet/store"
)

// leaseTime is how long a lease lasts that nobody renews.
const leaseTime = time.Second

// Store is a store.Store in the memory of the process. It bounds neither the number nor the size of its
// records other than by their time: what has ended is dropped when it is looked at or, a few entries at a
// time, as others are written. It runs no goroutine and needs no closing.
type Store struct {
	began time.Time

	mu sync.Mutex

	// Guarded by mu.
	entries map[string]*entry
	ring    []*entry // all entries, in no order: what the sweep goes round
	hand    int      // where in the ring the sweep is
	watches map[string][]*watch
	nonce   uint64
	step    uint64
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{
		began:   time.Now(),
		entries: make(map[string]*entry),
		watches: make(map[string][]*watch),
		nonce:   rand.Uint64(),     //nolint:gosec // stamps are no secrets
		step:    rand.Uint64() | 1, //nolint:gosec // the same
	}
}

// Get looks one key up.
func (s *Store) Get(ctx context.Context, key string) (store.Record, error) {
	if err := ctx.Err(); err != nil {
		return store.Record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.readLocked(key, s.now()), nil
}

// GetMany looks keys up.
func (s *Store) GetMany(ctx context.Context, keys []string) ([]store.Record, error) {
	recs := make([]store.Record, len(keys))
	if err := ctx.Err(); err != nil {
		return recs, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for i, key := range keys {
		recs[i] = s.readLocked(key, now)
	}
	return recs, nil
}

func (s *Store) readLocked(key string, now int64) store.Record {
	if e := s.findLocked(key, now); e != nil {
		return e.rec
	}
	return store.Record{}
}

// now is the store's clock, in microseconds since the epoch. It goes by the monotonic clock, so that setting
// the computer's time prolongs no lease.
func (s *Store) now() int64 {
	return s.began.Add(time.Since(s.began)).UnixMicro()
}

// stampLocked names a new lease. An odd step visits every number before any comes again, so the nonces
// of one store differ from one another whatever the clock does.
func (s *Store) stampLocked(now int64) store.Stamp {
	s.nonce += s.step
	if s.nonce == 0 {
		s.nonce += s.step
	}
	return store.Stamp{Nonce: s.nonce, Granted: now}
}

func micros(d time.Duration) int64 { return int64(d / time.Microsecond) }

func duration(micros int64) time.Duration { return time.Duration(micros) * time.Microsecond }
