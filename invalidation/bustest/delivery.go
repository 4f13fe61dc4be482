package bustest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

func deliveryClauses() []clause {
	return []clause{
		{"WhatWasPublishedIsDelivered", func(s *subject) {
			d, events := newSeen(), s.events(500)
			s.work(d.handler)
			s.publish(events...)
			s.await(d, events...)
			for _, e := range d.order {
				i := slices.IndexFunc(events, func(want invalidation.Event) bool { return want.ID == e.ID })
				if i < 0 {
					continue
				}
				if want := events[i]; !slices.Equal(e.Keys, want.Keys) || e.Op != want.Op || !e.Time.Equal(want.Time) ||
					e.Origin != want.Origin {
					s.Fatalf("delivered: got %+v, want %+v", e, want)
				}
			}
		}},
		{"WhatWasPublishedBeforeAnybodySubscribedIsDelivered", func(s *subject) {
			d, events := newSeen(), s.events(10)
			s.publish(events...)
			s.work(d.handler)
			s.await(d, events...)
		}},
		{"EventsAboutOneKeyKeepTheirOrder", func(s *subject) {
			d, key := newSeen(), s.event("k").Keys[0]
			events := make([]invalidation.Event, 0, 50)
			s.work(d.handler)
			for range 50 {
				e := invalidation.NewEvent("bustest", key)
				events = append(events, e)
				s.publish(e)
			}
			s.await(d, events...)
			d.mu.Lock()
			defer d.mu.Unlock()
			var ids []string
			for _, e := range d.order {
				if e.Keys[0] == key && !slices.Contains(ids, e.ID) {
					ids = append(ids, e.ID)
				}
			}
			for i, e := range events {
				if ids[i] != e.ID {
					s.Fatalf("event %d came out of order", i)
				}
			}
		}},
		{"TwoSubscribersShareTheWork", func(s *subject) {
			d, events := newSeen(), s.events(200)
			s.work(d.handler)
			s.work(d.handler)
			s.publish(events...)
			s.await(d, events...)
		}},
		{"WhatASubscriberHasNotAcknowledgedGoesToTheNext", func(s *subject) {
			d, events := newSeen(), s.events(30)
			reached := make(chan struct{})
			once := sync.OnceFunc(func() { close(reached) })
			first := s.work(func(ctx context.Context, _ []invalidation.Event) error {
				once()
				<-ctx.Done()
				return ctx.Err()
			})
			s.publish(events...)
			select {
			case <-reached:
			case <-time.After(patience):
				s.Fatal("nothing was delivered to the first subscriber")
			}
			first.stop()
			s.work(d.handler)
			s.await(d, events...)
		}},
		{"WhatWasAcknowledgedDoesNotComeAgainAfterAnOrderlyEnd", func(s *subject) {
			d, before := newSeen(), s.events(50)
			w := s.work(d.handler)
			s.publish(before...)
			s.await(d, before...)
			w.stop()
			later, after := newSeen(), s.events(50)
			s.work(later.handler)
			s.publish(after...)
			s.await(later, after...)
			for _, e := range before {
				if later.count[e.ID] > 0 {
					s.Fatalf("delivered once more after an orderly end: %s", e.Keys[0])
				}
			}
		}},
	}
}
