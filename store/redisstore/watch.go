package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/store"
)

// confirmation is how long Watch waits to hear that the server will send wake-ups. If it takes longer, or there
// is no server to be reached, whoever watches finds out by looking.
const confirmation = 100 * time.Millisecond

// watch is one subscription.
type watch struct {
	hub *hub // nil if no server has the key at present
	key string
	c   chan store.Wake
}

// Watch subscribes to the end of leases on key. All watches of a store share one connection to each server, which is
// open while there are any and for a few seconds more. On a Cluster it needs Redis 7; with older servers whoever
// watches finds out by looking.
func (s *Store) Watch(ctx context.Context, key string) (store.Watch, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	w := &watch{key: key, c: make(chan store.Wake, 1)}
	ready, err := s.hubs.add(ctx, w)
	if err != nil {
		return nil, err
	}
	select {
	case <-ready:
		return w, nil
	default:
	}
	timer := time.NewTimer(confirmation)
	defer timer.Stop()
	select {
	case <-ready:
	case <-timer.C:
	case <-ctx.Done():
		w.Close()
		return nil, ctx.Err()
	}
	return w, nil
}

func (w *watch) C() <-chan store.Wake { return w.c }

func (w *watch) Close() {
	if w.hub != nil {
		w.hub.remove(w)
	}
}

// wake delivers why, unless an earlier wake-up has not been received yet: one is as good as two.
func (w *watch) wake(why store.Wake) {
	select {
	case w.c <- why:
	default:
	}
}

// subscribe opens a subscription to keys.
func subscribe(ctx context.Context, client redis.UniversalClient, keys []string) (sub *redis.PubSub, err error) {
	defer func() {
		if v := recover(); v != nil { // so a Ring, in another's clothes, reports that none of its shards is up
			e, ok := v.(error)
			if !ok {
				panic(v)
			}
			sub, err = nil, e
		}
	}()
	return client.Subscribe(ctx, keys...), nil
}
