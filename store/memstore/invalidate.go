package memstore

import (
	"context"
	"time"

	"github.com/cachet-go/cachet/store"
)

// Invalidate removes whatever the keys hold.
func (s *Store) Invalidate(ctx context.Context, keys ...string) error {
	return s.each(ctx, keys, func(key string, now int64) {
		if e := s.findLocked(key, now); e != nil {
			s.dropLocked(e)
		}
	})
}

// Fence marks keys as about to be written.
func (s *Store) Fence(ctx context.Context, token uint64, d time.Duration, keys ...string) error {
	return s.each(ctx, keys, func(key string, now int64) {
		e := s.openLocked(key, now)
		e.fence(token, now+micros(d))
		s.settleLocked(e, now)
	})
}

// Lift takes the fence of token away, and with it whatever else the keys hold, except for other fences.
func (s *Store) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	return s.each(ctx, keys, func(key string, now int64) {
		e := s.openLocked(key, now)
		e.lift(token)
		e.probation = 0
		if probation > 0 {
			e.probation = now + micros(probation)
		}
		s.settleLocked(e, now)
	})
}

// each invalidates keys by do and wakes who watches them.
func (s *Store) each(ctx context.Context, keys []string, do func(key string, now int64)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for _, key := range keys {
		do(key, now)
		s.wakeLocked(key, store.Changed)
	}
	return nil
}
