package lock

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Locker takes locks. A program needs one per Redis. It is safe for concurrent use.
type Locker struct {
	rdb     redis.UniversalClient
	cfg     config
	process string // 13 hexadecimal digits that name this Locker among all
	count   atomic.Uint64
	hub     hub
	work    sync.WaitGroup // what waits for locks

	mu sync.Mutex
	// Guarded by mu.
	places map[string]*place // by key in Redis
	vigils map[string]*vigil // by key in Redis
	closed bool
}

// New returns a Locker. It does not contact Redis. Its locks are seen by every Locker of the same Redis and [Prefix].
func New(rdb redis.UniversalClient, opts ...Option) *Locker {
	l := &Locker{
		rdb:     rdb,
		cfg:     defaults().with(opts),
		process: fmt.Sprintf("%013x", rand.Uint64N(1<<52)), //nolint:gosec // a name, no secret
		places:  make(map[string]*place),
		vigils:  make(map[string]*vigil),
	}
	l.hub.init(rdb)
	return l
}

// Close ends all waiting, with [ErrClosed], and the connection for messages, and returns when that is done.
// Locks that are held stay held and renewed until they are unlocked. Closing again does nothing. The error is nil.
func (l *Locker) Close() error {
	l.mu.Lock()
	l.closed = true
	for _, p := range l.places {
		p.failLocked(ErrClosed)
		p.alarm.set(0)
	}
	for _, v := range l.vigils {
		v.finishLocked(func(*watcher) bool { return true }, ErrClosed)
		v.alarm.set(0)
	}
	l.mu.Unlock()
	l.work.Wait()
	l.hub.close()
	return nil
}

// sign returns an owner that no other acquisition has.
func (l *Locker) sign() string {
	return l.process + strconv.FormatUint(l.count.Add(1), 16)
}

// The first closing brace ends the hash tag, and an empty tag is none: the keys would come to lie on several nodes.
func (c config) name(key string) (string, error) {
	if key == "" || strings.HasPrefix(key, "}") {
		return "", fmt.Errorf("lock: key %q is empty or begins with a brace", key)
	}
	return c.prefix + "{" + key + "}", nil
}

// sharded is what scripts are told about where messages go.
func (l *Locker) sharded() string {
	if _, ok := l.rdb.(*redis.ClusterClient); ok {
		return "1"
	}
	return "0"
}

// isReply reports whether err is what the server said, so that there is no doubt about what it did.
func isReply(err error) bool {
	_, ok := errors.AsType[redis.Error](err)
	return ok
}
