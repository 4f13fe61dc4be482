// Package redisstore keeps records in Redis.
//
// Every operation touches one key at a time, so that it works alike on a single server, behind Sentinel, on a
// Cluster and on a Ring. A look-up is a plain GET. What writes is a script that reads the server's clock,
// except for an invalidation without a fence or probation, which is a plain DEL. Needs Redis 5 or a server
// that runs its scripts.
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
}

// Store is a store.Store in Redis.
type Store struct {
	client redis.UniversalClient
	single *redis.Client // client, if it has one server at a time
	lease  time.Duration
	hub    hub
}

var _ store.Store = (*Store)(nil)

// New returns a store on client, which stays the caller's to close. The client must not read from replicas,
// which would answer with what has been invalidated already.
func New(client redis.UniversalClient, opts Options) *Store {
	if opts.Lease <= 0 {
		opts.Lease = time.Second
	}
	single, _ := client.(*redis.Client)
	s := &Store{client: client, single: single, lease: max(opts.Lease, time.Millisecond)}
	s.hub.init(client)
	return s
}

// Close ends the connection over which wake-ups come; what is being watched is not woken any more. All else goes
// on working. It may be called more than once.
func (s *Store) Close() error {
	s.hub.close()
	return nil
}
