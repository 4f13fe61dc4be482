package doubledelete

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/store"
)

// Options configures a Strategy. The zero value is usable.
type Options struct {
	// Delay is how long after a write its keys are deleted once more. It must be longer than what the delayed delete
	// is to outlast: the lag of the replica that loaders read, plus the time of a load. 0: 1s
	Delay time.Duration
	// Adaptive, if set, measures the delay in the place of Delay.
	Adaptive *Adaptive
	// Within is what surrounds the write itself, say with a fence. The delayed deletes in memory then leave the fences of
	// other writers in place; those of a Scheduler do not, so that a reader may see the new value of a write under way
	// and then the old one. Zero: write, then delete
	Within aside.Strategy
	// Scheduler keeps the delayed deletes where they survive this process. nil: in memory, up to 131,072 keys; those
	// of a process that dies are not made.
	Scheduler Scheduler
	// Error is told what Write cannot return: once per outage, that a delayed delete in memory fails and is repeated.
	// nil: slog.Default, at level Warn
	Error func(context.Context, error)
}

// Scheduler deletes keys later, whatever becomes of this process. Package redisqueue has one. Its methods may be called
// concurrently.
type Scheduler interface {
	// Schedule has keys deleted once, or more often, when delay is over and not before. A key that is scheduled already
	// keeps the later of the two times. It returns nil only if that survives this process. A *store.KeysError in
	// its error names the keys that it is about; without one, it may be any of them.
	Schedule(ctx context.Context, delay time.Duration, keys ...string) error
}

// scheduleTimeout bounds a call of a Scheduler, which does not end with the writer's context.
const scheduleTimeout = 2 * time.Second

// Strategy is a cachet.Strategy. Make one with New for each cache, which closes it. Its methods may be called
// concurrently.
type Strategy struct {
	opts   Options
	memory *memory
}

// New returns a strategy. The cache refuses it if an option makes no sense.
func New(opts Options) *Strategy {
	if opts.Delay == 0 {
		opts.Delay = time.Second
	}
	if opts.Error == nil {
		opts.Error = func(ctx context.Context, err error) {
			slog.Default().WarnContext(ctx, "cachet", slog.Any("error", err))
		}
	}
	return &Strategy{opts: opts, memory: newMemory(opts.Error)}
}

// Validate names an option that makes no sense.
func (s *Strategy) Validate() error {
	if s.opts.Delay < 0 {
		return errors.New("doubledelete: Options.Delay is negative")
	}
	if err := s.opts.Within.Validate(); err != nil {
		return fmt.Errorf("doubledelete: Options.Within: %w", err)
	}
	if s.opts.Adaptive != nil {
		return s.opts.Adaptive.validate()
	}
	return nil
}

// Write deletes keys, runs write, deletes them and schedules the delayed delete, also if write fails or panics: an
// error does not prove that nothing was committed. With a Scheduler the delayed delete is scheduled before the
// write as well, so that it comes even if the process is killed before write returns, provided that it committed
// within the delay.
//
// What fails before the write is not reported and does not stop it, for it is done again afterwards. On a closed
// Strategy without a Scheduler, Write fails with ErrClosed once the keys are deleted.
func (s *Strategy) Write(
	ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
) error {
	if s.opts.Within.Fence > 0 || s.opts.Within.ReplicaLag > 0 {
		inv = respectful{Invalidator: inv, probation: s.opts.Within.ReplicaLag}
	}
	if s.opts.Scheduler != nil {
		_ = s.schedule(ctx, inv, keys) // repeated below, and that answer counts
	}
	if s.opts.Within.Fence == 0 { // which deletes, too
		_ = inv.Invalidate(ctx, keys...) // the same
	}
	var scheduled error
	err := s.opts.Within.Write(ctx, inv, keys, func(ctx context.Context) error {
		// Before the delete that follows: a process that is killed between the two has yet to make one.
		defer func() { scheduled = s.schedule(ctx, inv, keys) }()
		return write(ctx)
	})
	if scheduled != nil {
		return errors.Join(err, scheduled)
	}
	return err
}

// respectful is an invalidator that leaves the fences of writers in place.
type respectful struct {
	store.Invalidator
	probation time.Duration
}

func (r respectful) Invalidate(ctx context.Context, keys ...string) error {
	return r.Lift(ctx, 0, r.probation, keys...)
}

func (s *Strategy) schedule(ctx context.Context, inv store.Invalidator, keys []string) error {
	delay := s.opts.Delay
	if s.opts.Adaptive != nil {
		delay = s.opts.Adaptive.Delay()
	}
	if s.opts.Scheduler == nil {
		return s.memory.schedule(inv, delay, keys)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), scheduleTimeout)
	defer cancel()
	return s.opts.Scheduler.Schedule(ctx, delay, keys...)
}

// Close takes no more delayed deletes into memory and waits for those that are there until ctx ends. Those that are
// left then are not made; their keys are in the *store.KeysError that it returns. A Scheduler is the caller's to
// close. A second Close has nothing left to do and returns nil.
func (s *Strategy) Close(ctx context.Context) error {
	if s.opts.Adaptive != nil {
		s.opts.Adaptive.close()
	}
	return s.memory.close(ctx)
}
