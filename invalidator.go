package cachet

import (
	"context"
	"time"

	"github.com/cachet-go/cachet/store"
)

// invalidateTimeout bounds an invalidation, which does not end with its caller's context.
const invalidateTimeout = 5 * time.Second

// invalidator is the store as a strategy sees it during one run.
type invalidator struct {
	store store.Invalidator
	// written says that the write was made already, so that a fence has no purpose any more. The fences that the run
	// before has left are lifted in its place.
	written bool
	tokens  []uint64 // of the fences placed, in this run or the one before
	fence   error    // of Fence
}

var _ store.Invalidator = (*invalidator)(nil)

func (i *invalidator) Invalidate(ctx context.Context, keys ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	return i.store.Invalidate(ctx, keys...)
}

func (i *invalidator) Fence(ctx context.Context, token uint64, d time.Duration, keys ...string) error {
	if i.written {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, invalidateTimeout)
	defer cancel()
	if token != 0 {
		i.tokens = append(i.tokens, token) // even if it fails: it may stand
	}
	i.fence = i.store.Fence(ctx, token, d, keys...)
	return i.fence
}

func (i *invalidator) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)
	defer cancel()
	if i.written {
		for _, left := range i.tokens {
			if err := i.store.Lift(ctx, left, probation, keys...); err != nil {
				return err
			}
		}
		if len(i.tokens) > 0 {
			return nil
		}
	}
	return i.store.Lift(ctx, token, probation, keys...)
}
