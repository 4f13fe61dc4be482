package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Keeper takes locks of a [Backend], that are as those of a [Locker]. A program needs one per service. It is safe for
// concurrent use. Options are those of Locker, except that [MinHold] and [Replicas] are refused with an error that is
// [errors.ErrUnsupported].
//
// At most one caller of a process at a time asks the service for a key; the others wait in the process, in the order in
// which they came.
type Keeper struct {
	backend Backend
	cfg     config
	life    context.Context //nolint:containedctx // until Close
	end     context.CancelFunc

	mu sync.Mutex
	// seats has an entry for each name that somebody in this process has or asks for, and those who wait behind.
	// Guarded by mu.
	seats map[string][]chan struct{}
}

// Over returns a Keeper of locks that backend gives. It does not contact the service.
func Over(backend Backend, opts ...Option) *Keeper {
	l := &Keeper{backend: backend, cfg: defaults().with(opts), seats: make(map[string][]chan struct{})}
	l.life, l.end = context.WithCancel(context.Background())
	return l
}

// Close ends all waiting, with [ErrClosed]. Locks that are held stay held and renewed until they are unlocked. The
// service's client stays open. Closing again does nothing. The error is nil.
func (l *Keeper) Close() error {
	l.end()
	return nil
}

// Lock is as [Locker.Lock]: it returns ctx.Err() if ctx ends first, joined with what the service's client says about
// that if it says more, [ErrClosed] after Close, or else the client's error. Whether processes get the lock in the
// order in which they came is the service's affair.
func (l *Keeper) Lock(ctx context.Context, key string, opts ...Option) (*Lock, error) {
	return l.acquire(ctx, key, false, opts)
}

// TryLock is [Keeper.Lock] without the waiting: it returns [ErrHeld] at once if someone has the lock. If someone
// in this process has it or asks for it, the service is not asked.
func (l *Keeper) TryLock(ctx context.Context, key string, opts ...Option) (*Lock, error) {
	return l.acquire(ctx, key, true, opts)
}

// Do is as [Locker.Do].
func (l *Keeper) Do(ctx context.Context, key string, fn func(context.Context) error, opts ...Option) error {
	if holds(ctx, identity{l, l.cfg.with(opts).prefix + key}) {
		return fn(ctx)
	}
	return do(func() (*Lock, error) { return l.Lock(ctx, key, opts...) }, fn)
}

func (l *Keeper) acquire(ctx context.Context, key string, try bool, opts []Option) (*Lock, error) {
	cfg, since := l.cfg.with(opts), time.Now()
	k, err := l.await(ctx, key, try, cfg)
	if err != nil {
		cfg.emit(Failed, key, since, err)
		return nil, err
	}
	cfg.emit(Acquired, key, since, nil)
	return k, nil
}

func (l *Keeper) await(ctx context.Context, key string, try bool, cfg config) (*Lock, error) {
	switch {
	case key == "":
		return nil, errors.New("lock: key is empty")
	case l.life.Err() != nil:
		return nil, ErrClosed
	case cfg.minHold > 0, cfg.replicas > 0:
		return nil, fmt.Errorf("lock: MinHold and Replicas are for Redis: %w", errors.ErrUnsupported)
	}
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	settled := context.AfterFunc(l.life, stop)
	defer settled()
	k, err := l.take(ctx, waiting, key, try, cfg)
	if end, ok := ctx.Deadline(); ok && err != nil && !time.Now().Before(end) {
		<-waiting.Done() // a client that looks at the deadline itself may be early
	}
	switch {
	case err == nil || waiting.Err() == nil:
		return k, err
	case ctx.Err() == nil:
		return nil, ErrClosed
	case errors.Is(err, ctx.Err()), errors.Is(err, context.Canceled):
		return nil, ctx.Err()
	}
	return nil, errorsJoin(ctx.Err(), err)
}

// take takes the lock for as long as waiting goes on. ctx is what the lock's context comes from.
func (l *Keeper) take(ctx, waiting context.Context, key string, try bool, cfg config) (*Lock, error) {
	name := cfg.prefix + key
	if err := l.sit(waiting, name, try); err != nil {
		return nil, err
	}
	g, err := l.grant(waiting, name, Ask{Try: try, TTL: cfg.lease(0)})
	if err != nil {
		l.rise(name)
		return nil, err
	}
	k := &Lock{key: key, id: identity{l, name}, cfg: cfg, tenure: post{l, name, g}, fence: g.Fence, deadline: g.Deadline}
	return k.begin(ctx), nil
}

// grant asks for the lock, and again if that took longer than the lease.
func (l *Keeper) grant(waiting context.Context, name string, ask Ask) (*Grant, error) {
	for {
		g, err := l.backend.Acquire(waiting, name, ask)
		if err != nil {
			return nil, err
		}
		if waiting.Err() == nil && time.Now().Before(g.Deadline) {
			return g, nil
		}
		_ = g.Release() // if that fails the lease ends
		if waiting.Err() != nil {
			return nil, waiting.Err()
		}
	}
}

// post is what a lock of a Keeper rests on. It implements tenure.
type post struct {
	keeper *Keeper
	name   string
	grant  *Grant
}

func (p post) renew(ctx context.Context, lease time.Duration) error { return p.grant.Renew(ctx, lease) }

func (p post) letGo(time.Time, time.Duration) error {
	err := p.grant.Release()
	p.keeper.rise(p.name)
	return err
}

// vacate releases what may be left: some services would keep it for as long as this process lives.
func (p post) vacate() {
	p.keeper.rise(p.name)
	_ = p.grant.Release()
}

func (p post) drop(time.Time) {}
