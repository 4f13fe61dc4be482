package lock

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Lock is a lock that is held, until Unlock, or until it is lost. It is safe for concurrent use and belongs to
// whoever has it, on whatever goroutine.
type Lock struct {
	ctx    context.Context //nolint:containedctx // handed out
	cancel context.CancelCauseFunc
	key    string
	id     identity
	tenure tenure
	cfg    config
	fence  int64
	since  time.Time
	under  *Lock // what LockAll took before
	once   sync.Once
	err    error // what Unlock returns; guarded by once

	mu sync.Mutex
	// Guarded by mu.
	state    state
	deadline time.Time   // of the lease
	renewal  *time.Timer // fires when the lease is to be renewed
	end      *time.Timer // fires at the deadline; nil until the first renewal
}

type state int

const (
	held state = iota
	lost
	unlocked
)

// tenure is what a lock rests on: a key in Redis, or what a [Backend] granted.
type tenure interface {
	// renew makes the lease last that long from now on. It returns ErrLost if there is no lease any more.
	renew(ctx context.Context, lease time.Duration) error
	// letGo ends it, and passes the lock on to whoever is next in this process. keep is for how long others are still
	// kept out.
	letGo(deadline time.Time, keep time.Duration) error
	// vacate lets others in this process seek the lock, since it was lost.
	vacate()
	// drop ends what may be left of it, when what was lost is unlocked.
	drop(deadline time.Time)
}

// begin begins to renew what was granted. The lock's context comes from ctx.
func (k *Lock) begin(ctx context.Context) *Lock {
	ctx, cancel := context.WithCancelCause(ctx)
	k.ctx, k.cancel, k.since = lockContext{ctx, k}, cancel, time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renewal = time.AfterFunc(time.Until(k.deadline)/3, k.renew)
	return k
}

// Context is done when the lock is unlocked or lost, or the context that it was taken with is done. [context.Cause]
// tells which: [ErrLost] if it was lost. It carries the lock, for [FenceOf] and for Do within Do.
func (k *Lock) Context() context.Context { return k.ctx }

// Fence is larger than that of every earlier holder of the lock. A resource that remembers the largest fence it has
// seen, and refuses smaller ones, is safe from holders that do not know yet that they have lost the lock. It is
// positive and fits a BIGINT. It is the largest of those of a [Locker.LockAll].
func (k *Lock) Fence() int64 {
	if k.under != nil {
		return max(k.fence, k.under.Fence())
	}
	return k.fence
}

// Unlock lets the lock go, and ends its context before it does so. It returns [ErrLost] if the lock was lost before,
// or the client's error if the service cannot be reached: the lock then ends with its lease. It takes no context,
// because the one at hand has often ended by then; the client's time-outs bound it. Calling it again does nothing and
// returns the same.
func (k *Lock) Unlock() error {
	k.once.Do(func() {
		k.err = k.letGo()
		k.cfg.emit(Unlocked, k.key, k.since, k.err)
		if k.under != nil {
			k.err = errorsJoin(k.err, k.under.Unlock())
		}
	})
	return k.err
}

func (k *Lock) letGo() error {
	if time.Now().After(k.expiry()) {
		k.lose() // the timers of a process that stood still are late
	}
	k.mu.Lock()
	k.stopLocked()
	was, deadline := k.state, k.deadline
	if was == held {
		k.state = unlocked
	}
	k.mu.Unlock()
	if was == lost {
		k.tenure.drop(deadline)
		return ErrLost
	}
	k.cancel(nil)
	return k.tenure.letGo(deadline, max(0, k.cfg.minHold-time.Since(k.since)))
}

func (k *Lock) expiry() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.deadline
}

func (k *Lock) stopLocked() {
	k.renewal.Stop()
	if k.end != nil {
		k.end.Stop()
	}
}

// errorsJoin is errors.Join that leaves a lone error as it is.
func errorsJoin(a, b error) error {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return errors.Join(a, b)
}
