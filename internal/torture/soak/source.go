// Package soak runs many readers and writers against caches that share a store, and checks every read
// against what had been acknowledged before it began.
package soak

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Record is what the caches keep: a version that grows by one with each write.
type Record struct {
	Key     int
	Version int64
}

// Source is the database, as far as the promise is concerned: a register per key.
type Source struct {
	committed []atomic.Int64
	acked     []atomic.Int64
	stall     func() time.Duration
	loads     atomic.Int64
}

// NewSource returns a source of n keys whose reads stall.
func NewSource(n int, stall func() time.Duration) *Source {
	s := &Source{committed: make([]atomic.Int64, n), acked: make([]atomic.Int64, n), stall: stall}
	for i := range n {
		s.committed[i].Store(1)
		s.acked[i].Store(1)
	}
	return s
}

// Load reads a record. It stalls before or after the read: a stall after it makes the value old before it
// arrives.
func (s *Source) Load(ctx context.Context, key int) (Record, error) {
	s.loads.Add(1)
	d := s.stall()
	if rand.N(4) == 0 {
		if err := pause(ctx, d); err != nil {
			return Record{}, err
		}
		d = 0
	}
	r := Record{Key: key, Version: s.committed[key].Load()}
	return r, pause(ctx, d)
}

// LoadMany reads records one after the other, and stalls once.
func (s *Source) LoadMany(ctx context.Context, keys []int) (map[int]Record, error) {
	s.loads.Add(1)
	out := make(map[int]Record, len(keys))
	for _, key := range keys {
		out[key] = Record{Key: key, Version: s.committed[key].Load()}
	}
	return out, pause(ctx, s.stall())
}

// commit makes a new version and returns it.
func (s *Source) commit(key int) int64 { return s.committed[key].Add(1) }

// acknowledge notes that a write of version has returned.
func (s *Source) acknowledge(key int, version int64) {
	for {
		old := s.acked[key].Load()
		if version <= old || s.acked[key].CompareAndSwap(old, version) {
			return
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
