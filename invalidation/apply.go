package invalidation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cachet-go/cachet/store"
)

// Options configures Apply. The zero value is usable. Its functions must not panic: a subscriber takes that for a panic
// of the handler, and the events go to the dead letters, deleted or not.
type Options struct {
	// Fenced is for caches with aside.Strategy.Fence: the fences of writers that are under way stay, at the cost of a
	// script in the place of a DEL. Without it, a reader may see the new value of such a write and then the old one,
	// until the write is acknowledged.
	Fenced bool
	// ReplicaLag is for loaders that read from a replica of the database, and for events that may come before what they
	// tell of can be read, as those of change data capture may: what is loaded within this time after an event is kept
	// no longer than to the end of it. 0: the loader reads what has been committed.
	ReplicaLag time.Duration
	// Applied is told of each batch, by many goroutines at once. nil: nobody is
	Applied func(context.Context, Applied)
	// Error is told, once per outage, that the store cannot be reached; deletes are repeated. nil: slog.Default, at
	// level Warn
	Error func(context.Context, error)
}

// Applied describes a batch of events that was applied.
type Applied struct {
	Events  int // including those refused
	Refused int
	Keys    int       // deleted, each once
	Retries int       // attempts that failed
	Oldest  time.Time // Event.Time of the oldest
}

// Apply deletes from inv what the events of sub name, until ctx ends, and then returns nil; or the error of sub, which
// has failed for good. Each batch is one call of inv for all its keys. What fails is repeated until it succeeds, and
// nothing is acknowledged before: while the store is down, one of the goroutines that deliver tries every half second.
//
// What nobody could apply is refused: see Event.Validate. So is Clear, if inv is no store.Clearer.
func Apply(ctx context.Context, sub Subscriber, inv store.Invalidator, opts Options) error {
	switch {
	case sub == nil:
		return errors.New("invalidation: Apply: no subscriber")
	case inv == nil:
		return errors.New("invalidation: Apply: no store")
	case opts.ReplicaLag < 0:
		return errors.New("invalidation: Options.ReplicaLag is negative")
	}
	if opts.Error == nil {
		opts.Error = func(ctx context.Context, err error) {
			slog.Default().WarnContext(ctx, "cachet: invalidations wait for the store", slog.Any("error", err))
		}
	}
	a := &applier{inv: inv, opts: opts, gate: newGate(opts.Error)}
	if err := sub.Subscribe(ctx, a.apply); err != nil && ctx.Err() == nil {
		return err
	}
	return nil
}

const (
	// batch bounds the keys of one call of the store, which Redis executes in one go.
	batch = 500
	// timeout bounds one call of the store.
	timeout = 5 * time.Second
)

type applier struct {
	inv  store.Invalidator
	opts Options
	gate *gate
}

// apply is a Handler.
func (a *applier) apply(ctx context.Context, events []Event) error {
	done := Applied{Events: len(events)}
	refused := make(map[int]error)
	keys, prefixes := newSet(len(events)), newSet(0)
	for i, e := range events {
		if done.Oldest.IsZero() || e.Time.Before(done.Oldest) {
			done.Oldest = e.Time
		}
		if err := a.check(e); err != nil {
			refused[i] = err
			continue
		}
		to := keys
		if e.Op == Clear {
			to = prefixes
		}
		for _, key := range e.Keys {
			to.add(key)
		}
	}
	for part := range slices.Chunk(keys.list, batch) {
		retries, err := a.delete(ctx, part)
		done.Retries += retries
		if err != nil {
			return err
		}
	}
	retries, err := a.clear(ctx, prefixes.list)
	done.Retries += retries
	if err != nil {
		return err
	}
	done.Refused, done.Keys = len(refused), len(keys.list)
	if a.opts.Applied != nil {
		a.opts.Applied(ctx, done)
	}
	if len(refused) > 0 {
		return &RefusedError{Refused: refused}
	}
	return nil
}

// check reports why e is refused.
func (a *applier) check(e Event) error {
	if err := e.Validate(); err != nil {
		return err
	}
	if _, ok := a.inv.(store.Clearer); e.Op == Clear && !ok {
		return fmt.Errorf("%w: the store cannot be cleared", ErrUnsupported)
	}
	return nil
}

// delete invalidates keys, those again for which it fails, until ctx ends.
func (a *applier) delete(ctx context.Context, keys []string) (retries int, err error) {
	for len(keys) > 0 {
		left := keys
		err := a.gate.try(ctx, func() error {
			err := a.invalidate(ctx, keys)
			left = store.FailedKeys(err, keys)
			if len(left) < len(keys) {
				return nil // a server is down, and not the store
			}
			return err
		})
		if err != nil {
			return retries, err
		}
		if len(left) > 0 {
			retries++
		}
		keys = left
	}
	return retries, nil
}

func (a *applier) invalidate(ctx context.Context, keys []string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if a.opts.Fenced || a.opts.ReplicaLag > 0 {
		return a.inv.Lift(ctx, 0, a.opts.ReplicaLag, keys...)
	}
	return a.inv.Invalidate(ctx, keys...)
}

// clear invalidates all keys with one of the prefixes, once more when replicas have caught up: what has no record has
// no place for a probation.
func (a *applier) clear(ctx context.Context, prefixes []string) (retries int, err error) {
	retries, err = a.sweep(ctx, prefixes)
	if err != nil || a.opts.ReplicaLag <= 0 || len(prefixes) == 0 {
		return retries, err
	}
	if err := pause(ctx, a.opts.ReplicaLag); err != nil {
		return retries, err
	}
	more, err := a.sweep(ctx, prefixes)
	return retries + more, err
}

func (a *applier) sweep(ctx context.Context, prefixes []string) (retries int, err error) {
	c, _ := a.inv.(store.Clearer)
	for _, prefix := range prefixes {
		for {
			var failed error
			err := a.gate.try(ctx, func() error {
				failed = c.Clear(ctx, prefix)
				return failed
			})
			if err != nil {
				return retries, err
			}
			if failed == nil {
				break
			}
			retries++
		}
	}
	return retries, nil
}

// set is strings in the order in which they came, each once.
type set struct {
	list  []string
	known map[string]struct{}
}

func newSet(room int) *set {
	return &set{list: make([]string, 0, room), known: make(map[string]struct{}, room)}
}

func (s *set) add(text string) {
	n := len(s.known)
	s.known[text] = struct{}{}
	if len(s.known) > n {
		s.list = append(s.list, text)
	}
}
