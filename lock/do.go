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
func (l *Locker) Do(ctx context.Context, key string, fn func(context.Context) error, opts ...Option) error {
	if name, err := l.cfg.with(opts).name(key); err == nil && holds(ctx, identity{l, name}) {
		return fn(ctx)
	}
	return do(func() (*Lock, error) { return l.Lock(ctx, key, opts...) }, fn)
}

// do runs fn under the lock that take takes.
func do(take func() (*Lock, error), fn func(context.Context) error) (err error) {
	k, err := take()
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
