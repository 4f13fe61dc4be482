package redisstore

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// grace is how long after a server has gone an invalidation waits for its return: about as long as it takes to
// start one again, or as the client's own repetitions.
const grace = time.Second

// reach says whether anybody listens where the server should be. Invalidations go by it, which are not given up for a
// server that is merely slow. Asking the client would do harm: after as many failed dials as its pool has places it
// dials once a second only, which would delay the recovery of every reader.
type reach struct {
	dial func(context.Context) error
	gone atomic.Pointer[absence] // nil: somebody listens, or nobody has looked
}

// absence is one period of nobody listening.
type absence struct {
	err   error
	since time.Time
	over  chan struct{}
}

// look dials, and reports whether somebody listens.
func (r *reach) look(ctx context.Context) bool {
	err := r.dial(ctx)
	switch {
	case err == nil:
		r.end()
	case r.gone.Load() == nil:
		r.gone.Store(&absence{err: err, since: time.Now(), over: make(chan struct{})})
	}
	return err == nil
}

// end lets everybody try. One goroutine at a time calls look or end.
func (r *reach) end() {
	if gone := r.gone.Swap(nil); gone != nil {
		close(gone.over)
	}
}

// wait returns when somebody listens, and an ErrUnavailable if that takes too long.
func (r *reach) wait(ctx context.Context) error {
	gone := r.gone.Load()
	if gone == nil {
		return nil
	}
	left := time.NewTimer(time.Until(gone.since.Add(grace)))
	defer left.Stop()
	select {
	case <-gone.over:
		return nil
	case <-left.C:
		return fmt.Errorf("%w: %w", ErrUnavailable, gone.err)
	case <-ctx.Done():
		return ctx.Err()
	}
}
