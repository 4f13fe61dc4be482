package zklock

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/cachet-go/cachet/lock"
)

// digits is how many of them ZooKeeper appends to the name of a sequential node.
const digits = 10

// ticket is a place in line, which is first when it is the lock.
type ticket struct {
	conn *zk.Conn
	dir  string // of all tickets of the lock
	tag  string // by which the node is found again if the reply to its making is lost
	ttl  time.Duration

	making sync.Mutex // held while the node is made, which may take longer than somebody waits for it
	path   string     // of the node; guarded by making until the lock is taken

	fence    int64
	deadline time.Time
}

func newTicket(conn *zk.Conn, dir string, ttl time.Duration) *ticket {
	return &ticket{conn: conn, dir: dir, tag: rand.Text() + "-", ttl: ttl}
}

// take stands in line until the ticket is the first. It returns lock.ErrLost if its node vanished while it stood there.
func (t *ticket) take(ctx context.Context, try bool) error {
	path, err := within(ctx, t.ttl, t.create)
	if err != nil {
		return err
	}
	for {
		before, err := within(ctx, t.ttl, func() (string, error) { return t.predecessor(path) })
		switch {
		case err != nil:
			return err
		case before == "":
			return t.confirm(ctx, path)
		case try:
			return lock.ErrHeld
		}
		gone, err := within(ctx, t.ttl, func() (<-chan zk.Event, error) {
			_, _, gone, err := t.conn.GetW(before)
			return gone, err
		})
		switch {
		case errors.Is(err, zk.ErrNoNode):
			continue
		case err != nil:
			return err
		}
		select {
		case <-gone: // or the session has ended
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// create makes the node, and its parent if there is none.
func (t *ticket) create() (path string, err error) {
	t.making.Lock()
	defer t.making.Unlock()
	acl := zk.WorldACL(zk.PermAll)
	for {
		path, err = t.conn.Create(t.dir+"/"+t.tag, nil, zk.FlagEphemeral|zk.FlagSequence, acl)
		switch {
		case err == nil:
			t.path = path
			return path, nil
		case !errors.Is(err, zk.ErrNoNode):
			return "", err
		}
		_, err = t.conn.CreateContainer(t.dir, nil, zk.FlagContainer, acl)
		if err != nil && !errors.Is(err, zk.ErrNodeExists) {
			return "", err
		}
	}
}

// predecessor returns the path of the node before this one, or "" if this one is the first.
func (t *ticket) predecessor(path string) (string, error) {
	children, _, err := t.conn.Children(t.dir)
	if err != nil && !errors.Is(err, zk.ErrNoNode) {
		return "", err
	}
	slices.SortFunc(children, func(a, b string) int { return strings.Compare(number(a), number(b)) })
	switch i := slices.Index(children, strings.TrimPrefix(path, t.dir+"/")); i {
	case -1:
		return "", lock.ErrLost
	case 0:
		return "", nil
	default:
		return t.dir + "/" + children[i-1], nil
	}
}

func number(node string) string { return node[max(0, len(node)-digits):] }

// confirm learns the fence by a write, which a majority has stored when it is answered: the session lives.
func (t *ticket) confirm(ctx context.Context, path string) error {
	sent := time.Now()
	stat, err := within(ctx, t.ttl, func() (*zk.Stat, error) { return t.conn.Set(path, nil, -1) })
	switch {
	case errors.Is(err, zk.ErrNoNode):
		return lock.ErrLost
	case err != nil:
		return err
	}
	t.fence, t.deadline = stat.Czxid, sent.Add(t.ttl)
	return nil
}

// renew writes to the node: reads are answered by servers that are cut off from the others.
func (t *ticket) renew(ctx context.Context, _ time.Duration) error {
	_, err := within(ctx, t.ttl, func() (*zk.Stat, error) { return t.conn.Set(t.path, nil, -1) })
	if errors.Is(err, zk.ErrNoNode) {
		return lock.ErrLost
	}
	return err
}

func (t *ticket) release() error {
	_, err := within(context.Background(), t.ttl, func() (struct{}, error) { return struct{}{}, t.remove() })
	return err
}

const (
	// pause is what passes before a removal is repeated.
	pause = 50 * time.Millisecond
	// lives is how often a session that nobody could use for that long would have ended.
	lives = 10
)

// remove deletes the node, which would else stay for as long as the session. It returns lock.ErrLost if that was gone.
func (t *ticket) remove() error {
	t.making.Lock()
	defer t.making.Unlock()
	doubt := false
	for start := time.Now(); ; time.Sleep(pause) {
		err := t.find()
		if err == nil && t.path == "" {
			return nil // it was never made
		}
		if err == nil {
			err = t.conn.Delete(t.path, -1)
		}
		switch {
		case err == nil, errors.Is(err, zk.ErrNoNode) && doubt:
			return nil
		case errors.Is(err, zk.ErrNoNode):
			return lock.ErrLost
		case time.Since(start) > lives*t.ttl:
			return err
		}
		doubt = true // an attempt whose reply was lost may have done it
	}
}

// find looks for a node whose making was not answered.
func (t *ticket) find() error {
	if t.path != "" {
		return nil
	}
	children, _, err := t.conn.Children(t.dir)
	if errors.Is(err, zk.ErrNoNode) {
		return nil
	}
	for _, child := range children {
		if strings.HasPrefix(child, t.tag) {
			t.path = t.dir + "/" + child
		}
	}
	return err
}
