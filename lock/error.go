package lock

import (
	"errors"

	"github.com/redis/go-redis/v9"
)

var (
	// ErrHeld is returned by TryLock when someone else has the lock, in this process or another.
	ErrHeld = errors.New("lock: held by someone else")

	// ErrLost is the cause with which the context of a lock ends when the lock has ended before Unlock: its lease was
	// over, or the server no longer knows of it. [Lock.Unlock] and [Locker.Do] return it too. Somebody else may hold
	// the lock.
	ErrLost = errors.New("lock: lost")

	// ErrClosed is returned by what waits or is called after Close, of a [Locker] or a [Keeper].
	ErrClosed = redis.ErrClosed

	// ErrMismatch is returned by [Once] when the key was used before with another [Fingerprint].
	ErrMismatch = errors.New("lock: key was used with another fingerprint")
)
