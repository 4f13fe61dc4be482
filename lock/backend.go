package lock

import (
	"context"
	"time"
)

// Backend is another service than Redis that gives locks, for a [Keeper]. Packages etcdlock, zklock and sqllock have
// some; package locktest tells whether one keeps the contract. It must be safe for concurrent use.
type Backend interface {
	// Acquire takes the lock of name, and waits until it can or ctx ends. If ask.Try is set, it returns [ErrHeld] at once
	// instead of waiting for others. If it returns an error, it leaves nothing behind that keeps others out for longer
	// than ask.TTL. A Keeper calls it for one name once at a time, and again only when what it had is released.
	Acquire(ctx context.Context, name string, ask Ask) (*Grant, error)
}

// Ask is how a lock is to be taken.
type Ask struct {
	Try bool
	TTL time.Duration // of the lease; positive
}

// Grant is a lock that a [Backend] has given.
type Grant struct {
	// Fence is positive and larger than that of every earlier grant of the name, in every process.
	Fence int64

	// Deadline is before the end of the lease: the moment before the request that began it was sent, plus its TTL.
	Deadline time.Time

	// Renew makes the lease last at least as long as it says, counted from when it is called. It returns [ErrLost] if the
	// service no longer knows of the lock, or else an error after which it is called again. ctx ends with the lease.
	Renew func(ctx context.Context, lease time.Duration) error

	// Release ends it, so that others get the lock. It is called once, whether the lock was lost or not, and must come to
	// an end by itself. It returns [ErrLost] if it finds that somebody else may have had the lock.
	Release func() error
}
