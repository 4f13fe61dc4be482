package bustest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

func failureClauses() []clause {
	return []clause{
		{"ABatchThatFailsComesAgain", func(s *subject) {
			d, events := newSeen(), s.events(20)
			var calls atomic.Int64
			s.work(func(ctx context.Context, batch []invalidation.Event) error {
				if calls.Add(1) <= 3 {
					return errors.New("the store is down")
				}
				return d.handler(ctx, batch)
			})
			s.publish(events...)
			s.await(d, events...)
		}},
		{"WhatIsRefusedDoesNotStopTheOthers", func(s *subject) {
			d, events := newSeen(), s.events(100)
			bad := events[37]
			s.work(func(_ context.Context, batch []invalidation.Event) error {
				refused := make(map[int]error)
				for i, e := range batch {
					if e.ID == bad.ID {
						refused[i] = invalidation.ErrUnsupported
					} else {
						d.add(batch[i : i+1])
					}
				}
				if len(refused) > 0 {
					return &invalidation.RefusedError{Refused: refused}
				}
				return nil
			})
			s.publish(events...)
			s.await(d, slices.Delete(slices.Clone(events), 37, 38)...)
			s.deadLetter(bad.ID)
		}},
		{"AHandlerThatPanicsForOneEventRefusesThatOne", func(s *subject) {
			d, events := newSeen(), s.events(100)
			bad := events[63]
			s.work(func(ctx context.Context, batch []invalidation.Event) error {
				for _, e := range batch {
					if e.ID == bad.ID {
						panic("of the handler")
					}
				}
				return d.handler(ctx, batch)
			})
			s.publish(events...)
			s.await(d, slices.Delete(slices.Clone(events), 63, 64)...)
			s.deadLetter(bad.ID)
		}},
	}
}

// deadLetter waits until an event is among the dead letters.
func (s *subject) deadLetter(id string) {
	s.Helper()
	if s.DeadLetters == nil {
		return
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if slices.Contains(s.DeadLetters(), id) {
			return
		}
	}
	s.Errorf("dead letters: got %q, want %q among them", s.DeadLetters(), id)
}
