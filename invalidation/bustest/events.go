package bustest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

func eventClauses() []clause {
	return []clause{
		{"AnInvalidEventIsNotPublished", func(s *subject) {
			good := s.event("good")
			for name, bad := range map[string]invalidation.Event{
				"no keys":           invalidation.NewEvent("bustest"),
				"no id":             {Keys: []string{"k"}},
				"unknown operation": {ID: "1", Op: "rename", Keys: []string{"k"}},
				"a huge key":        invalidation.NewEvent("bustest", strings.Repeat("k", invalidation.MaxSize)),
			} {
				err := s.Publisher.Publish(s.Context(), bad)
				if !errors.Is(err, invalidation.ErrMalformed) && !errors.Is(err, invalidation.ErrUnsupported) &&
					!errors.Is(err, invalidation.ErrTooLarge) {
					s.Errorf("Publish of an event with %s: got %v, want an error that says so", name, err)
				}
			}
			d := newSeen()
			s.work(d.handler)
			s.publish(good)
			s.await(d, good)
			if len(d.order) != d.count[good.ID] {
				s.Errorf("delivered: got %d events, want the good one", len(d.order))
			}
		}},
		{"ALargeEventComesInParts", func(s *subject) {
			keys := make([]string, 0, 2*invalidation.MaxKeys+1)
			for range 2*invalidation.MaxKeys + 1 {
				keys = append(keys, s.event("k").Keys[0])
			}
			var mu sync.Mutex
			left := make(map[string]bool)
			for _, key := range keys {
				left[key] = true
			}
			done := make(chan struct{})
			s.work(func(_ context.Context, batch []invalidation.Event) error {
				mu.Lock()
				defer mu.Unlock()
				for _, e := range batch {
					for _, key := range e.Keys {
						delete(left, key)
						if len(left) == 0 {
							left[""] = true // once
							close(done)
						}
					}
				}
				return nil
			})
			s.publish(invalidation.NewEvent("bustest", keys...))
			select {
			case <-done:
			case <-time.After(patience):
				s.Fatal("not all keys have come")
			}
		}},
		{"KeysAreDeliveredByteByByte", func(s *subject) {
			d, e := newSeen(), s.event("k")
			e.Keys = append(e.Keys, "\xff\xfe\x00binary", "naïve ключ", `"quoted" <&>`)
			s.work(d.handler)
			s.publish(e)
			s.await(d, e)
			got, want := slices.Sorted(slices.Values(d.order[0].Keys)), slices.Sorted(slices.Values(e.Keys))
			if !slices.Equal(got, want) {
				s.Errorf("keys: got %q, want %q", got, want)
			}
		}},
		{"PublishEndsWithItsContext", func(s *subject) {
			ctx, cancel := context.WithCancel(s.Context())
			cancel()
			if err := s.Publisher.Publish(ctx, s.event("k")); err == nil {
				s.Error("Publish with a context that has ended: got nil, want an error")
			}
		}},
		{"PublishOfNothingDoesNothing", func(s *subject) { s.publish() }},
	}
}
