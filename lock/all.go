package lock

import (
	"context"
	"errors"
	"slices"
)

// LockAll takes the locks of all keys, or none. It takes them one by one in sorted order, so that two calls cannot
// wait for each other; a key that is there twice counts once. The lock's context ends when any of them is lost, and
// Unlock lets all of them go.
//
// It returns what [Locker.Lock] returns; [ErrLost] if one that it had was lost while it waited for the next;
// or an error if there are no keys. What it could not let go of after a failure ends with its lease.
func (l *Locker) LockAll(ctx context.Context, keys []string, opts ...Option) (*Lock, error) {
	if len(keys) == 0 {
		return nil, errors.New("lock: LockAll needs a key")
	}
	var all *Lock
	for _, key := range slices.Compact(slices.Sorted(slices.Values(keys))) {
		k, err := l.Lock(ctx, key, opts...)
		if err != nil {
			if all != nil {
				if errors.Is(context.Cause(ctx), ErrLost) {
					err = ErrLost
				}
				err = errorsJoin(err, all.Unlock())
			}
			return nil, err
		}
		k.under = all
		all, ctx = k, k.Context()
	}
	return all, nil
}
