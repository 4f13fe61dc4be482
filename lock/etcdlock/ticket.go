package etcdlock

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/cachet-go/cachet/lock"
)

// ticket is a place in line, which is first when it is the lock.
type ticket struct {
	client   *clientv3.Client
	dir      string // of all tickets of the lock
	ttl      time.Duration
	lease    clientv3.LeaseID
	key      string
	revision int64 // at which key was made

	mu sync.Mutex
	// Guarded by mu.
	renewed time.Time // when the last request was sent that made the lease last for ttl
}

// take stands in line until the ticket is the first. It returns lock.ErrLost if its lease ended while it stood there.
func (t *ticket) take(ctx context.Context, try bool) error {
	sent := time.Now()
	err := within(ctx, t.ttl, func(ctx context.Context) error {
		resp, err := t.client.Grant(ctx, int64((t.ttl+time.Second-1)/time.Second))
		if err == nil {
			t.lease = resp.ID
		}
		return err
	})
	if err != nil {
		return err
	}
	t.note(sent)
	t.key = t.dir + strconv.FormatInt(int64(t.lease), 16)
	if err := within(ctx, t.ttl, func(ctx context.Context) error { return t.enter(ctx, try) }); err != nil {
		return err
	}
	for {
		before, at, err := t.predecessor(ctx)
		if err != nil || before == "" {
			return err
		}
		if err := t.await(ctx, before, at+1); err != nil {
			return err
		}
	}
}

// enter makes the key: at the end of the line, or only if there is none.
func (t *ticket) enter(ctx context.Context, try bool) error {
	free := clientv3.Compare(clientv3.CreateRevision(t.key), "=", 0)
	if try {
		free = clientv3.Compare(clientv3.CreateRevision(t.dir), "=", 0).WithPrefix()
	}
	resp, err := t.client.Txn(ctx).If(free).Then(clientv3.OpPut(t.key, "", clientv3.WithLease(t.lease))).Commit()
	switch {
	case errors.Is(err, rpctypes.ErrLeaseNotFound):
		return lock.ErrLost
	case err != nil:
		return err
	case !resp.Succeeded:
		return lock.ErrHeld
	}
	t.revision = resp.Header.GetRevision()
	return nil
}

// predecessor returns the key before this one and the revision at which that was so, or "" if this one is the first.
func (t *ticket) predecessor(ctx context.Context) (key string, at int64, err error) {
	err = within(ctx, t.ttl, func(ctx context.Context) error {
		resp, err := t.client.Txn(ctx).If(t.stands()).
			Then(clientv3.OpGet(t.dir, append(clientv3.WithLastCreate(), clientv3.WithMaxCreateRev(t.revision-1))...)).Commit()
		switch {
		case err != nil:
			return err
		case !resp.Succeeded:
			return lock.ErrLost
		}
		at = resp.Header.GetRevision()
		if kvs := resp.Responses[0].GetResponseRange().GetKvs(); len(kvs) > 0 {
			key = string(kvs[0].GetKey())
		}
		return nil
	})
	return key, at, err
}

func (t *ticket) stands() clientv3.Cmp {
	return clientv3.Compare(clientv3.CreateRevision(t.key), "=", t.revision)
}

// await returns when key has gone since revision from, or may have, and keeps the own lease alive until then.
func (t *ticket) await(ctx context.Context, key string, from int64) error {
	watching, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	events := t.client.Watch(watching, key, clientv3.WithRev(from), clientv3.WithFilterPut())
	tick := time.NewTicker(t.ttl / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case resp, ok := <-events:
			if !ok || resp.Err() != nil || gone(resp) {
				return ctx.Err()
			}
		case <-tick.C:
			if err := within(ctx, time.Until(t.deadline()), t.extend); err != nil {
				return err
			}
		}
	}
}

func gone(resp clientv3.WatchResponse) bool {
	for _, e := range resp.Events {
		if e.GetType() == mvccpb.DELETE {
			return true
		}
	}
	return false
}

// extend makes the lease last for ttl from now on.
func (t *ticket) extend(ctx context.Context) error {
	sent := time.Now()
	_, err := t.client.KeepAliveOnce(ctx, t.lease)
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return lock.ErrLost
	}
	if err == nil {
		t.note(sent)
	}
	return err
}

// renew extends the lease. It looks for the key too, which may be gone without its lease.
func (t *ticket) renew(ctx context.Context, _ time.Duration) error {
	if err := t.extend(ctx); err != nil {
		return err
	}
	resp, err := t.client.Get(ctx, t.key)
	if err == nil && (len(resp.Kvs) == 0 || resp.Kvs[0].GetCreateRevision() != t.revision) {
		return lock.ErrLost
	}
	return err
}

// release deletes the key. If a repetition does not find it although the lease still runs, the first attempt did it.
func (t *ticket) release() error {
	defer t.revoke()
	doubt := false
	return within(context.Background(), t.ttl, func(ctx context.Context) error {
		for {
			resp, err := t.client.Txn(ctx).If(t.stands()).Then(clientv3.OpDelete(t.key)).Commit()
			switch {
			case err == nil && resp.Succeeded, err == nil && doubt && time.Now().Before(t.deadline()):
				return nil
			case err == nil:
				return lock.ErrLost
			case ctx.Err() != nil:
				return err
			}
			doubt = true
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	})
}

// pause is what passes before a release is repeated.
const pause = 20 * time.Millisecond

// revoke ends the lease, and the key if it is still there. If that fails it ends by itself.
func (t *ticket) revoke() {
	_ = within(context.Background(), t.ttl, func(ctx context.Context) error {
		_, err := t.client.Revoke(ctx, t.lease)
		return err
	})
}

func (t *ticket) note(sent time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.renewed = sent
}

func (t *ticket) deadline() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.renewed.Add(t.ttl)
}
