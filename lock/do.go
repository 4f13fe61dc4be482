package lock

import (
	"context"
	"errors"
)

// Do runs fn under the lock of key, waiting for it as [Locker.Lock] does, and lets it go when fn returns, panics
// or ends its goroutine. fn's context ends with cause [ErrLost] if the lock is lost.
//
// Do within fn, on the same key and with a context that comes from fn's, runs at once under the lock that is held.
//
// It returns what Lock returns, or fn's error, joined with [ErrLost] if the lock was lost while fn ran, or with the
// client's error if the lock could not be let go of.
func (l *Locker) Do(ctx context.Context, key string, fn func(context.Context) error, opts ...Option) (err error) {
	if l.holds(ctx, key, opts) {
		return fn(ctx)
	}
	k, err := l.Lock(ctx, key, opts...)
	if err != nil {
		return err
	}
	defer func() {
		if end := k.Unlock(); end != nil && !errors.Is(err, end) {
			err = errorsJoin(err, end)
		}
	}()
	return fn(k.Context())
}

// holds reports whether ctx comes from a lock of key that is held.
func (l *Locker) holds(ctx context.Context, key string, opts []Option) bool {
	name, err := l.cfg.with(opts).name(key)
	if err != nil {
		return false // Lock says so
	}
	k, ok := ctx.Value(heldKey{l, name}).(*Lock)
	if !ok {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state == held
}
