package bustest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

// Bus is a bus in memory: events go from its publishers to its subscribers within the process, as long as it lives. All
// subscribers together see each event once, or more often where it must be delivered again. It is a queue in the manner
// of one Kafka partition and not a broadcast. All methods may be called concurrently. Make one with NewBus.
type Bus struct {
	mu sync.Mutex
	// Guarded by mu.
	queue  []invalidation.Event
	dead   []Dead
	busy   bool // a batch is with a handler
	closed bool
	news   chan struct{} // closed and made anew when something changes
}

// Dead is an event that a handler has refused.
type Dead struct {
	Event invalidation.Event
	Err   error
}

// ErrClosed is the error of Publish and Subscribe on a closed Bus.
var ErrClosed = errors.New("bustest: closed")

var (
	_ invalidation.Publisher  = (*Bus)(nil)
	_ invalidation.Subscriber = (*Bus)(nil)
)

const (
	// most bounds a batch.
	most = 100
	// pause is how long a batch rests that could not be applied.
	pause = 10 * time.Millisecond
)

// NewBus returns an empty bus.
func NewBus() *Bus { return &Bus{news: make(chan struct{})} }

// Publish puts events into the queue, all or none.
func (b *Bus) Publish(ctx context.Context, events ...invalidation.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var parts []invalidation.Event
	for _, e := range events {
		for _, part := range e.Split() {
			if _, err := invalidation.Encode(part); err != nil {
				return err
			}
			part.Keys = slices.Clone(part.Keys) // the caller may use theirs again
			parts = append(parts, part)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return ErrClosed
	}
	b.queue = append(b.queue, parts...)
	b.changedLocked()
	return nil
}

// Subscribe implements invalidation.Subscriber.
func (b *Bus) Subscribe(ctx context.Context, handle invalidation.Handler) error {
	if handle == nil {
		return errors.New("bustest: Subscribe: no handler")
	}
	handle = invalidation.Guard(handle)
	for {
		events, err := b.take(ctx)
		if err != nil || len(events) == 0 {
			return err
		}
		err = handle(ctx, events)
		if done := b.settle(events, err); !done {
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
	}
}

// take waits for the first events of the queue and for being the only one to handle any. It returns none if ctx ends.
func (b *Bus) take(ctx context.Context) ([]invalidation.Event, error) {
	for {
		b.mu.Lock()
		news := b.news
		switch {
		case b.closed:
			b.mu.Unlock()
			return nil, ErrClosed
		case !b.busy && len(b.queue) > 0 && ctx.Err() == nil:
			b.busy = true
			events := append([]invalidation.Event(nil), b.queue[:min(most, len(b.queue))]...)
			b.mu.Unlock()
			return events, nil
		}
		b.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// settle drops a batch from the queue if it was applied, or leaves it there.
func (b *Bus) settle(events []invalidation.Event, err error) (done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy = false
	refused, refusal := errors.AsType[*invalidation.RefusedError](err)
	if err == nil || refusal {
		b.queue = b.queue[len(events):]
		done = true
	}
	if refusal {
		for i, why := range refused.Refused {
			if i < 0 || i >= len(events) {
				continue // not of this batch
			}
			b.dead = append(b.dead, Dead{Event: events[i], Err: why})
		}
	}
	b.changedLocked()
	return done
}

func (b *Bus) changedLocked() {
	close(b.news)
	b.news = make(chan struct{})
}

// DeadLetters returns the events that were refused.
func (b *Bus) DeadLetters() []Dead {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]Dead(nil), b.dead...)
}

// Depth returns how many events wait or are being applied.
func (b *Bus) Depth() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)
}

// Close ends Subscribe, with ErrClosed, and loses what waits. A second Close does nothing.
func (b *Bus) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		b.closed = true
		b.changedLocked()
	}
	return nil
}
