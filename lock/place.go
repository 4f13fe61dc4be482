package lock

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// place is one key in this process, for as long as somebody here has or wants its lock. Who has the seat, and nobody
// else, talks to Redis about taking the lock or letting go of it: whoever seeks the lock, holds it or is letting
// it go. The seat is passed on with the lock.
type place struct {
	locker *Locker
	key    string // the caller's
	name   string // in Redis
	keys   []string
	alarm  *alarm // of who seeks the lock

	// Guarded by locker.mu.
	queue   []*waiter
	taken   bool // it is known that the lock is held, here or elsewhere
	foreign bool // another process stood in the queue when the lock was last taken
	streak  int  // how often it was handed over since another process could have had it
}

// maxStreak is how often a process hands a lock over to itself while another is known to wait.
const maxStreak = 16

// waiter is one call that wants a lock.
type waiter struct {
	ctx   context.Context //nolint:containedctx // the lock's context comes from it
	cfg   config
	try   bool // does not wait for others
	place *place
	since time.Time
	ready chan struct{} // closed when settled

	// Guarded by locker.mu until ready is closed.
	settled bool
	lock    *Lock
	err     error
}

// grant is a lock in Redis.
type grant struct {
	owner    string
	fence    int64
	foreign  bool
	deadline time.Time // of the lease, by this process's clock
	err      error     // it was granted and is not to be kept
}

func parseGrant(v any, owner string, deadline time.Time) (grant, bool) {
	s, ok := v.(string)
	if !ok || s == "" {
		return grant{}, false
	}
	fence, err := strconv.ParseInt(s[1:], 10, 64)
	return grant{owner: owner, fence: fence, foreign: s[0] == '1', deadline: deadline, err: err}, true
}

// join puts w at the end of the queue. It reports whether the seat was free and is now the caller's.
func (l *Locker) join(w *waiter, key, name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.places[name]
	switch {
	case l.closed:
		w.settleLocked(nil, ErrClosed)
		return false
	case p != nil && w.try && p.taken:
		w.settleLocked(nil, ErrHeld)
		return false
	}
	free := p == nil
	if free {
		p = &place{locker: l, key: key, name: name, keys: []string{name, name + ":q"}, alarm: newAlarm()}
		l.places[name] = p
		l.work.Add(1) // for who has the seat now
	}
	w.place = p
	p.queue = append(p.queue, w)
	return free
}

// leave takes w out of the queue and reports whether it was still there.
func (w *waiter) leave() bool {
	l := w.place.locker
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.settled {
		return false
	}
	w.place.removeLocked(w)
	w.settled = true
	if len(w.place.queue) == 0 {
		w.place.alarm.set(0)
	}
	return true
}

func (p *place) removeLocked(w *waiter) {
	if i := slices.Index(p.queue, w); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
	}
}

func (w *waiter) settleLocked(k *Lock, err error) {
	if !w.settled {
		w.settled, w.lock, w.err = true, k, err
		close(w.ready)
	}
}

// failLocked gives everybody in the queue err.
func (p *place) failLocked(err error) {
	for _, w := range p.queue {
		w.settleLocked(nil, err)
	}
	p.queue = nil
}

// refuseLocked turns away those who do not wait.
func (p *place) refuseLocked() {
	p.taken = true
	p.queue = slices.DeleteFunc(p.queue, func(w *waiter) bool {
		if w.try {
			w.settleLocked(nil, ErrHeld)
		}
		return w.try
	})
}

// deliver gives w the lock and the seat. If w has left in the meantime, or what was granted is not to be kept, the
// lock goes to whoever is next, and only then is w told.
func (p *place) deliver(w *waiter, g grant) {
	mu := &p.locker.mu
	mu.Lock()
	p.foreign = g.foreign
	p.removeLocked(w)
	kept := !w.settled && g.err == nil
	if kept {
		k := &Lock{
			key: p.key, id: identity{p.locker, p.name}, cfg: w.cfg,
			tenure: tenancy{p, g.owner}, fence: g.fence, deadline: g.deadline,
		}
		w.settleLocked(k.begin(w.ctx), nil)
		p.refuseLocked()
	}
	mu.Unlock()
	if kept {
		return
	}
	err := errorsJoin(g.err, p.letGo(g.owner, g.deadline, 0))
	mu.Lock()
	w.settleLocked(nil, err)
	mu.Unlock()
}

// letGo passes the lock of owner, and the seat, to the next in this process, or lets it go in Redis. keep is
// for how long others are still kept out. It returns ErrLost if owner did not have the lock.
func (p *place) letGo(owner string, deadline time.Time, keep time.Duration) error {
	w := p.successor(keep)
	if w == nil {
		err := p.release(owner, deadline, keep)
		p.vacate()
		return err
	}
	next, lease, sent := p.locker.sign(), w.cfg.lease(0), time.Now()
	v, err := handoffScript.exec(context.WithoutCancel(w.ctx), p.locker.rdb, p.keys,
		owner, next, p.locker.sharded(), ms(lease))
	if err != nil {
		p.undo(owner) // which of the two has it is not known
		p.undo(next)
		p.vacate()
		return err
	}
	g, ok := parseGrant(v, next, sent.Add(lease))
	if !ok {
		p.vacate()
		return ErrLost
	}
	p.deliver(w, g)
	return nil
}

// successor returns who in this process gets the lock that is let go of. Nobody does if it is another process's turn.
func (p *place) successor(keep time.Duration) *waiter {
	p.locker.mu.Lock()
	defer p.locker.mu.Unlock()
	if len(p.queue) == 0 || keep > 0 || p.queue[0].cfg.replicas > 0 || p.foreign && p.streak >= maxStreak {
		p.streak = 0
		return nil
	}
	p.streak++
	return p.queue[0]
}

// vacate gives up the seat: to somebody who seeks the lock for those in the queue, if there are any.
func (p *place) vacate() {
	l := p.locker
	l.mu.Lock()
	defer l.mu.Unlock()
	p.taken = false
	if len(p.queue) == 0 {
		delete(l.places, p.name)
		return
	}
	l.work.Go(p.newSeeker().seek)
}

// attempts is how often a release is sent if its reply is lost or an error.
const attempts = 4

// release lets the lock of owner go in Redis. If a repetition finds that owner does not have it although the lease
// still runs, an attempt before did it.
func (p *place) release(owner string, deadline time.Time, keep time.Duration) error {
	doubt := false
	for i := 1; ; i++ {
		v, err := releaseScript.execOnce(context.Background(), p.locker.rdb, p.keys, owner, ms(keep), p.locker.sharded())
		switch {
		case err == nil && v == int64(1), err == nil && doubt && time.Now().Before(deadline):
			return nil
		case err == nil:
			return ErrLost
		case i == attempts:
			return err
		}
		doubt = doubt || !isReply(err)                      // a server that is loading has done nothing
		time.Sleep(time.Duration(i) * 8 * time.Millisecond) // a connection that broke is not alone
	}
}

// undo lets go of what owner may have. If that fails too it ends with its lease.
func (p *place) undo(owner string) {
	_, _ = releaseScript.execOnce(context.Background(), p.locker.rdb, p.keys, owner, 0, p.locker.sharded())
}
