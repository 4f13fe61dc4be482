package redisstore

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// hubs are the hubs of all servers. A script publishes where its key is, so that is where whoever waits subscribes:
// on a Cluster by sharded channels, which no other server hears of.
type hubs struct {
	client  redis.UniversalClient
	sharded bool

	mu sync.Mutex
	// Guarded by mu.
	of     map[redis.UniversalClient]*hub // by server
	closed bool
}

func (hs *hubs) init(client redis.UniversalClient) {
	hs.client, hs.of = client, make(map[redis.UniversalClient]*hub)
	_, hs.sharded = client.(*redis.ClusterClient)
}

// add begins to deliver to w, as hub.add does, at the server of its key. Without one nothing is delivered.
func (hs *hubs) add(ctx context.Context, w *watch) (ready <-chan struct{}, err error) {
	server := hs.client
	switch server.(type) {
	case *redis.ClusterClient, *redis.Ring:
		node, err := shard(ctx, server, w.key)
		if err != nil {
			return nil, nil //nolint:nilnil // whoever watches finds out by looking; a nil channel is never ready
		}
		server = node
	}
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if hs.closed {
		return nil, redis.ErrClosed
	}
	h := hs.of[server]
	if h == nil {
		for other, h := range hs.of { // servers come and go
			if h.atRest() {
				h.stop()
				delete(hs.of, other)
			}
		}
		h = newHub(server, hs.sharded)
		hs.of[server] = h
	}
	w.hub = h
	return h.add(w)
}

// close ends the connections, for good.
func (hs *hubs) close() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.closed = true
	var closing sync.WaitGroup
	for _, h := range hs.of {
		closing.Go(h.close)
	}
	closing.Wait()
}

// atRest reports whether nothing is watched and no connection is open.
func (h *hub) atRest() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.running && len(h.topics) == 0
}

// shards subscribes to sharded channels and unsubscribes, each by a command of its own, as one command takes channels
// of one slot only.
func (l *line) shards(ctx context.Context, come, gone []string) {
	for _, key := range gone {
		_ = l.sub.SUnsubscribe(ctx, key)
	}
	for _, key := range come {
		_ = l.sub.SSubscribe(ctx, key)
	}
}

// pump delivers what comes by sub, until the connection is lost: the client would subscribe anew to the channels of
// all slots by one command, which the server refuses.
func pump(ctx context.Context, sub *redis.PubSub) <-chan any {
	msgs := make(chan any)
	go func() {
		defer close(msgs)
		for {
			msg, err := sub.Receive(ctx)
			if addr, _ := redirect(err); addr != "" {
				continue // a slot that has moved: its watchers find out by looking
			}
			if err != nil {
				return
			}
			select {
			case msgs <- msg:
			case <-ctx.Done():
				return
			}
		}
	}()
	return msgs
}

// lose hangs up a connection that was lost, and has it opened again soon, if anything is watched by then.
func (h *hub) lose(l *line) {
	l.hangUp()
	l.sub, l.msgs = nil, nil
	if len(l.keys) > 0 {
		l.lost = time.After(confirmation)
	}
}
