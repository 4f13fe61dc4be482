package lock

import (
	"context"
	"time"
)

// Lock waits for the lock of key until ctx ends. Callers of one process get it in the order in which they came, and so
// do processes that wait, give or take.
//
// The lock's context comes from ctx. When ctx ends later, so does the lock's context, and the lock is not
// renewed any more; but it stands until Unlock or the end of its lease, for its holder may still be writing.
//
// It returns ctx.Err() if ctx ends first, [ErrClosed] after Close, or else the client's error, and never an
// error with a lock. Locking a key again under its own lock waits for itself; use [Locker.Do].
func (l *Locker) Lock(ctx context.Context, key string, opts ...Option) (*Lock, error) {
	return l.acquire(ctx, key, false, opts)
}

// TryLock is [Locker.Lock] without the waiting: it returns [ErrHeld] at once if someone has the lock, or is sure to
// get it before. If that is known to be someone in this process, or someone in this process waits for it, Redis is
// not asked.
func (l *Locker) TryLock(ctx context.Context, key string, opts ...Option) (*Lock, error) {
	return l.acquire(ctx, key, true, opts)
}

func (l *Locker) acquire(ctx context.Context, key string, try bool, opts []Option) (*Lock, error) {
	w := &waiter{ctx: ctx, cfg: l.cfg.with(opts), try: try, since: time.Now(), ready: make(chan struct{})}
	k, err := l.await(w, key)
	if err != nil {
		w.cfg.emit(Failed, key, w.since, err)
		return nil, err
	}
	w.cfg.emit(Acquired, key, w.since, nil)
	return k, nil
}

func (l *Locker) await(w *waiter, key string) (*Lock, error) {
	name, err := w.cfg.name(key)
	if err != nil {
		return nil, err
	}
	if err := w.ctx.Err(); err != nil {
		return nil, err
	}
	if l.join(w, key, name) {
		l.begin(w)
	}
	select {
	case <-w.ready:
	case <-w.ctx.Done():
		if w.leave() {
			return nil, w.ctx.Err()
		}
		<-w.ready
		if w.lock != nil { // it came too late
			return nil, errorsJoin(w.ctx.Err(), w.lock.Unlock())
		}
	}
	return w.lock, w.err
}

// begin seeks the lock for w, which found the seat free. The client does not return from a command when a context ends,
// so for a caller whose context can end that is done in the background; one whose context cannot is spared the detour.
func (l *Locker) begin(w *waiter) {
	s := w.place.newSeeker()
	if w.ctx.Done() == nil && !s.step() {
		l.work.Done()
		return
	}
	go func() {
		defer l.work.Done()
		s.seek()
	}()
}
