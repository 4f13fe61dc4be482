package aside

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet/store"
)

// Strategy writes to the database and then deletes from the cache. The zero Strategy costs one DEL per key and
// write. It may be copied and shared.
type Strategy struct {
	// Fence puts a fence before the write and lifts it afterwards. While it stands, readers load from the
	// source and store nothing. A writer that dies after its commit leaves a fence that lapses into a miss
	// instead of a stale value, and no reader sees the new value and then the old one again. It must be longer
	// than a write takes: one that commits after its fence has lapsed is as if it had none. One more round trip
	// per write. 0: no fence.
	Fence time.Duration
	// ReplicaLag is for loaders that read from a replica of the database. What is loaded within this time after
	// a write is kept no longer than to the end of it. If the replica never lags by more, no value from before the
	// last write is served after it. The bound counts from the last write: where another came while the replica had
	// yet to apply the one before, a value from before both may be served for ReplicaLag and the lag after the first.
	// 0: the loader reads what has been committed.
	ReplicaLag time.Duration
	// Strict refuses to write, with ErrRefused, if the fence cannot be placed or, without Fence, if the store
	// cannot be written to just before. While Redis is down, nothing can then be written. Otherwise such a
	// write goes ahead, and what fails is reported and retried.
	Strict bool
}

// ErrRefused is the error of an Update that Strict refused: nothing was written.
var ErrRefused = errors.New("cachet: write refused because the cache cannot be invalidated")

// Validate names a field that makes no sense.
func (s Strategy) Validate() error {
	switch {
	case s.Fence < 0:
		return errors.New("Strategy.Fence is negative")
	case s.ReplicaLag < 0:
		return errors.New("Strategy.ReplicaLag is negative")
	}
	return nil
}

// Write runs write and invalidates keys, also if write fails or panics: an error does not prove that nothing
// was committed.
func (s Strategy) Write(
	ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error,
) (err error) {
	token := rand.Uint64() | 1 //nolint:gosec // zero names no fence; the token is no secret
	if err := s.before(ctx, inv, token, keys); err != nil && s.Strict {
		// The fence may stand on some of the keys.
		return errors.Join(fmt.Errorf("%w: %w", ErrRefused, err), s.after(ctx, inv, token, keys))
	}
	defer func() {
		if ierr := s.after(ctx, inv, token, keys); ierr != nil {
			err = errors.Join(err, ierr)
		}
	}()
	return write(ctx)
}

func (s Strategy) before(ctx context.Context, inv store.Invalidator, token uint64, keys []string) error {
	switch {
	case s.Fence > 0:
		return inv.Fence(ctx, token, s.Fence, keys...)
	case s.Strict:
		return inv.Fence(ctx, 0, 0, keys...) // stands for no time: is the store there, and does it write?
	}
	return nil
}

func (s Strategy) after(ctx context.Context, inv store.Invalidator, token uint64, keys []string) error {
	if s.Fence > 0 || s.ReplicaLag > 0 {
		return inv.Lift(ctx, token, s.ReplicaLag, keys...)
	}
	return inv.Invalidate(ctx, keys...)
}
