package redisstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// fleet is the servers of a Cluster or a Ring as the read path sees them: each has a lane of its own, over the
// connections that the client has to it, so that one which fails is given up alone, and soon. The client itself is
// asked where a server says that a key is elsewhere.
type fleet struct {
	client  redis.UniversalClient
	timeout time.Duration

	mu sync.RWMutex
	// Guarded by mu.
	lanes  map[*redis.Client]lane
	closed bool
}

// newFleet returns nil if client is not one of several servers.
func newFleet(client redis.UniversalClient, timeout time.Duration) *fleet {
	switch client.(type) {
	case *redis.ClusterClient, *redis.Ring:
		return &fleet{client: client, timeout: timeout, lanes: make(map[*redis.Client]lane)}
	}
	return nil
}

// lane returns the way to the server of key.
func (f *fleet) lane(ctx context.Context, key string) (lane, error) {
	server, err := shard(ctx, f.client, key)
	if err != nil {
		return lane{}, err
	}
	f.mu.RLock()
	l, ok := f.lanes[server]
	f.mu.RUnlock()
	if !ok {
		l = f.add(server)
	}
	return l, nil
}

func (f *fleet) add(server *redis.Client) lane {
	f.mu.Lock()
	defer f.mu.Unlock()
	l, ok := f.lanes[server]
	if ok {
		return l
	}
	l = bounded(f.client, server, f.timeout, func(err error) {
		if errors.Is(err, redis.ErrClosed) { // the client has dropped it
			f.forget(server)
		} else {
			f.reload()
		}
	})
	if f.closed {
		l.health.stop()
	}
	if _, ok := f.client.(*redis.ClusterClient); ok {
		l.health.vetted.Store(true) // a replica says MOVED
	}
	f.lanes[server] = l
	return l
}

func (f *fleet) forget(server *redis.Client) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.lanes[server]; ok {
		l.health.stop()
		delete(f.lanes, server)
	}
}

// reload makes the client of a cluster ask who has which slots.
func (f *fleet) reload() {
	if cluster, ok := f.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(context.Background())
	}
}

// close ends what looks after servers that fail.
func (f *fleet) close() {
	if f == nil {
		return
	}
	f.mu.Lock()
	f.closed = true
	lanes := make([]lane, 0, len(f.lanes))
	for _, l := range f.lanes {
		lanes = append(lanes, l)
	}
	f.mu.Unlock()
	for _, l := range lanes {
		l.health.close()
	}
}

// spread calls do for the keys of each server at once, and for those that it returns, as they are elsewhere, again
// with the client itself. Keys whose server is not known are the client's from the start.
func (s *Store) spread(ctx context.Context, keys []string, do func(l lane, part []int) (elsewhere []int)) {
	if s.fleet == nil {
		part := make([]int, len(keys))
		for i := range keys {
			part[i] = i
		}
		do(s.reads, part)
		return
	}
	var (
		parts = make(map[*health][]int)
		ways  = make(map[*health]lane)
		rest  []int
	)
	for i, key := range keys {
		l, err := s.fleet.lane(ctx, key)
		if err != nil {
			rest = append(rest, i)
			continue
		}
		ways[l.health] = l
		parts[l.health] = append(parts[l.health], i)
	}
	var (
		asking sync.WaitGroup
		mu     sync.Mutex
	)
	for h, part := range parts {
		asking.Go(func() {
			elsewhere := do(ways[h], part)
			mu.Lock()
			defer mu.Unlock()
			rest = append(rest, elsewhere...)
		})
	}
	asking.Wait()
	if len(rest) > 0 {
		s.fleet.reload()
		do(s.reads, rest)
	}
}

// run executes a script for each call on the read path. Each command has its own error.
func (s *Store) run(ctx context.Context, sc script, calls []call) []*redis.Cmd {
	script := sc.of(s)
	if s.fleet == nil {
		return s.reads.run(ctx, script, calls)
	}
	keys, cmds := make([]string, len(calls)), make([]*redis.Cmd, len(calls))
	for i, c := range calls {
		keys[i] = c.key
	}
	s.spread(ctx, keys, func(l lane, part []int) (elsewhere []int) {
		some := make([]call, len(part))
		for n, i := range part {
			some[n] = calls[i]
		}
		for n, cmd := range l.run(ctx, script, some) {
			cmds[part[n]] = cmd
			if addr, _ := redirect(cmd.Err()); addr != "" {
				elsewhere = append(elsewhere, part[n])
			}
		}
		return elsewhere
	})
	return cmds
}

// each is run where the replies do not matter.
func (s *Store) each(ctx context.Context, sc script, calls []call) error {
	errs := make([]error, len(calls))
	for i, cmd := range s.run(ctx, sc, calls) {
		errs[i] = cmd.Err()
	}
	return join(errs)
}
