package etcdlock

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/cachet-go/cachet/lock"
)

// New returns a Keeper of locks in etcd. It does not contact etcd, and leaves client open. Its locks are seen by every
// Keeper of the same cluster and [lock.Prefix]; a key lies under its prefix as a path, escaped as in a URL. An answer
// that takes longer than [lock.TTL] is an error.
func New(client *clientv3.Client, opts ...lock.Option) *lock.Keeper {
	return lock.Over(backend{client}, opts...)
}

// backend implements lock.Backend.
type backend struct{ client *clientv3.Client }

// Acquire implements lock.Backend.
func (b backend) Acquire(ctx context.Context, name string, ask lock.Ask) (*lock.Grant, error) {
	dir := url.PathEscape(name) + "/"
	if ask.Try {
		if err := b.look(ctx, dir, ask.TTL); err != nil {
			return nil, err
		}
	}
	for {
		t := &ticket{client: b.client, dir: dir, ttl: ask.TTL}
		err := t.take(ctx, ask.Try)
		switch {
		case err == nil:
			return &lock.Grant{Fence: t.revision, Deadline: t.deadline(), Renew: t.renew, Release: t.release}, nil
		case t.lease != 0:
			t.revoke()
		}
		if !errors.Is(err, lock.ErrLost) { // or else it was overtaken by the end of its lease, in line, and begins anew
			return nil, err
		}
	}
}

// look returns lock.ErrHeld if somebody has the lock or waits for it. It spares those who try the making of a lease.
func (b backend) look(ctx context.Context, dir string, limit time.Duration) error {
	return within(ctx, limit, func(ctx context.Context) error {
		resp, err := b.client.Get(ctx, dir, clientv3.WithPrefix(), clientv3.WithCountOnly())
		if err == nil && resp.Count > 0 {
			return lock.ErrHeld
		}
		return err
	})
}

// within calls f with a context that ends after limit. The client repeats some requests for as long as they may take.
func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("etcdlock: no answer within %v: %v", limit, err) //nolint:errorlint // it is not the caller's context
	}
	return err
}
