// Package redisstore keeps records in Redis.
//
// Every operation touches one key at a time, so that it works alike on a single server, behind Sentinel, on a
// Cluster and on a Ring. A look-up is a plain GET. What writes is a script that reads the server's clock,
// except for an invalidation without a fence or probation, which is a plain DEL. Needs Redis 5 or a server that
// runs its scripts.
package redisstore

import (
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/store"
)

// Options configures a Store. The zero value is usable.
type Options struct {
	// Lease is how long a lease lasts that nobody renews. A process that dies while it loads keeps the others
	// waiting for that long. 0: 1s
	Lease time.Duration
	// Timeout bounds an operation of the read path, on each server. After that the record is loaded from the
	// source. A caller whose context ends during one may notice only then. Invalidations go by the client's own
	// time-outs. 0: 200ms
	Timeout time.Duration
	// Replicas is how many replicas of its master must have an invalidation before it is acknowledged, by WAIT. With
	// fewer, Invalidate and Lift return a *[ReplicasError], and a cache repeats the invalidation as it does any that
	// failed. A failover to a replica that has confirmed loses nothing; one to another replica still may. Fences
	// are not waited for. 0: none
	Replicas int
	// ReplicasTimeout bounds the wait for them, and is rounded down to milliseconds. 0: 500ms
	ReplicasTimeout time.Duration
}

// Store is a store.Store in Redis.
type Store struct {
	reads      lane
	fleet      *fleet // nil if there is one server
	writes     lane
	replicated replicated
	single     bool // one server has all keys
	lease      time.Duration
	hubs       hubs
}

var _ store.Store = (*Store)(nil)

// New returns a store on client, which stays the caller's to close. A client that reads from replicas, which would
// answer with what has been invalidated already, makes every operation return ErrReplica; see [Store.Check]. Hooks
// that the client has by now, for tracing say, see what the store sends. New adds one of its own to the client: make
// one store of it, and not one for each request.
func New(client redis.UniversalClient, opts Options) *Store {
	if opts.Lease <= 0 {
		opts.Lease = time.Second
	}
	if opts.Timeout <= 0 {
		opts.Timeout = 200 * time.Millisecond
	}
	if opts.ReplicasTimeout <= 0 {
		opts.ReplicasTimeout = 500 * time.Millisecond
	}
	_, single := client.(*redis.Client)
	s := &Store{single: single, lease: max(opts.Lease, time.Millisecond)}
	s.reads, s.writes = lanes(client, opts.Timeout)
	s.hubs.init(client)
	if s.Check() == nil {
		s.fleet = newFleet(client, opts.Timeout)
		s.replicated = replicated{client, opts.Replicas, max(opts.ReplicasTimeout, time.Millisecond)}
	}
	return s
}

// Check returns an error that wraps ErrReplica if the options of the client say that it reads from replicas, else nil.
// It asks no server. cachet.New returns what it returns.
func (s *Store) Check() error { return routed(s.hubs.client) }

// Close ends the connection over which wake-ups come, after which waiters poll, and what looks after a server that
// fails. All else goes on working. It may be called more than once.
func (s *Store) Close() error {
	s.hubs.close()
	s.reads.health.close()
	s.fleet.close()
	return nil
}
