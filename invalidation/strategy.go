package invalidation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/store"
)

// Strategy is a cachet.Strategy that writes and then publishes, for each record, an event that names its key. Somebody
// applies them, see Apply. It may be copied and shared, also by several caches.
//
// A write is acknowledged when its events are published, which is before they are applied: without Eager or Inner,
// readers see the old value for that long. A process that is killed between its commit and the end of Publish may have
// published nothing; only an outbox or change data capture closes that gap. Publish has 5 s, whatever the context of
// the writer says; if it fails the write is made all the same, and the cache publishes again until it
// succeeds or no copy can be left.
type Strategy struct {
	// Publisher is required.
	Publisher Publisher
	// Eager deletes at once as well, so that an acknowledged write is seen by all who read afterwards. The event is then
	// for other stores, and for deletes that fail.
	Eager bool
	// Inner is what surrounds the write before the event is published: aside.Strategy, say with a fence, or a
	// doubledelete.Strategy. nil: nothing or, if Eager, aside.Strategy{}. It is closed with the cache.
	Inner Inner
}

// Inner is a strategy within another. It is the same as cachet.Strategy.
type Inner interface {
	Write(ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error) error
}

// Validate names a field that makes no sense.
func (s Strategy) Validate() error {
	if s.Publisher == nil {
		return errors.New("invalidation: Strategy.Publisher is required")
	}
	if v, ok := s.Inner.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

// publishTimeout bounds a call of Publish, which does not end with the writer's context.
const publishTimeout = 5 * time.Second

// Write has Inner run write, and publishes, also if write fails or panics: an error does not prove that nothing was
// committed. It publishes nothing if Inner refuses to write. Its error tells of each part that failed.
func (s Strategy) Write(
	ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
) (err error) {
	inner := s.Inner
	if inner == nil {
		inner = bare{}
		if s.Eager {
			inner = aside.Strategy{}
		}
	}
	ran := false
	defer func() {
		if !ran {
			return
		}
		if perr := s.publish(ctx, keys); perr != nil {
			err = errors.Join(err, perr)
		}
	}()
	return inner.Write(ctx, inv, keys, func(ctx context.Context) error {
		ran = true
		return write(ctx)
	})
}

func (s Strategy) publish(ctx context.Context, keys []string) error {
	events := make([]Event, len(keys))
	for i, key := range keys {
		events[i] = NewEvent("write", key)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishTimeout)
	defer cancel()
	if err := s.Publisher.Publish(ctx, events...); err != nil {
		return &store.KeysError{Keys: keys, Err: fmt.Errorf("invalidation: publish: %w", err)}
	}
	return nil
}

// bare only writes.
type bare struct{}

func (bare) Write(ctx context.Context, _ store.Invalidator, _ []string, write func(context.Context) error) error {
	return write(ctx)
}

// Close closes Inner.
func (s Strategy) Close(ctx context.Context) error {
	if c, ok := s.Inner.(interface{ Close(context.Context) error }); ok {
		return c.Close(ctx)
	}
	return nil
}
