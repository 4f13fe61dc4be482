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
	place  *place
	cfg    config
	owner  string
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

// newLock begins to renew what was granted.
func newLock(w *waiter, g grant) *Lock {
	k := &Lock{place: w.place, cfg: w.cfg, owner: g.owner, fence: g.fence, since: time.Now(), deadline: g.deadline}
	ctx, cancel := context.WithCancelCause(w.ctx)
	k.ctx, k.cancel = lockContext{ctx, k}, cancel
	k.mu.Lock()
	defer k.mu.Unlock()
	k.renewal = time.AfterFunc(time.Until(g.deadline)/3, k.renew)
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
// or the client's error if Redis cannot be reached: the lock then ends with its lease. It takes no context, because
// the one at hand has often ended by then; the client's time-outs bound it. Calling it again does nothing and returns
// the same.
func (k *Lock) Unlock() error {
	k.once.Do(func() {
		k.err = k.letGo()
		k.cfg.emit(Unlocked, k.place.key, k.since, k.err)
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
		// The seat has been given up. If only the replies to renewals were lost Redis still has the lock.
		_ = k.place.release(k.owner, deadline, 0)
		return ErrLost
	}
	k.cancel(nil)
	return k.place.letGo(k.owner, deadline, max(0, k.cfg.minHold-time.Since(k.since)))
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
