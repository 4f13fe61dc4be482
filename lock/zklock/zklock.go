package zklock

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/cachet-go/cachet/lock"
)

// New returns a Keeper of locks in ZooKeeper. It leaves conn open. Its locks are seen by every Keeper of the same
// ensemble and [lock.Prefix]; a key lies in the root under its prefix, escaped as in a URL. An answer that takes longer
// than [lock.TTL] is an error.
//
// session is the time-out that conn was made with. It is the default of TTL, which must not be longer. Servers
// shorten what is longer than twenty of their ticks (their maxSessionTimeout, 40 s by default), and the client does not
// say so: ask for no more, or a holder that has vanished is replaced before its TTL.
func New(conn *zk.Conn, session time.Duration, opts ...lock.Option) *lock.Keeper {
	return lock.Over(backend{conn, session}, append([]lock.Option{lock.TTL(session)}, opts...)...)
}

// backend implements lock.Backend.
type backend struct {
	conn    *zk.Conn
	session time.Duration
}

// Acquire implements lock.Backend.
func (b backend) Acquire(ctx context.Context, name string, ask lock.Ask) (*lock.Grant, error) {
	if ask.TTL > b.session {
		return nil, fmt.Errorf("zklock: a TTL of %v is longer than the session's time-out of %v", ask.TTL, b.session)
	}
	dir := "/" + url.PathEscape(name)
	if ask.Try {
		waiting, err := within(ctx, ask.TTL, func() ([]string, error) {
			children, _, err := b.conn.Children(dir)
			return children, err
		})
		switch {
		case len(waiting) > 0:
			return nil, lock.ErrHeld
		case err != nil && !errors.Is(err, zk.ErrNoNode):
			return nil, err
		}
	}
	for {
		t := newTicket(b.conn, dir, ask.TTL)
		err := t.take(ctx, ask.Try)
		if err == nil {
			return &lock.Grant{Fence: t.fence, Deadline: t.deadline, Renew: t.renew, Release: t.release}, nil
		}
		go func() { _ = t.remove() }()     // it ends when ZooKeeper has answered, or the session has ended
		if !errors.Is(err, lock.ErrLost) { // or else its session ended while it stood in line, and it begins anew
			return nil, err
		}
	}
}

// within returns what f returns, or an error if ctx or the time limit ends first. The client knows no contexts.
func within[T any](ctx context.Context, limit time.Duration, f func() (T, error)) (v T, err error) {
	type result struct {
		v   T
		err error
	}
	c := make(chan result, 1)
	go func() {
		v, err := f()
		c <- result{v, err}
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case r := <-c:
		return r.v, r.err
	case <-ctx.Done():
		return v, ctx.Err()
	case <-timer.C:
		return v, fmt.Errorf("zklock: no answer within %v", limit)
	}
}
