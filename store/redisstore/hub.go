package redisstore

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/store"
)

const (
	// idle is how long the connection is kept when nothing is watched.
	idle = 3 * time.Second
	// parting is how long Close waits for the connection to be closed.
	parting = time.Second
)

// hub hands out the wake-ups of one connection. A goroutine of its own does everything on that connection, so that
// no caller is held up by it and what it subscribes to follows from what is being watched at the time: two callers
// who did so themselves could overtake one another, and the one who leaves would take away the other's wake-ups.
type hub struct {
	client  redis.UniversalClient
	sharded bool
	stop    context.CancelFunc
	ctx     context.Context //nolint:containedctx // the life of the hub, not of a request

	changed chan struct{} // of capacity 1: there are changes

	mu sync.Mutex
	// Guarded by mu.
	topics  map[string]*topic
	changes map[string]struct{} // the keys of topics that have come or gone
	running bool
	ended   chan struct{} // closed when the goroutine, or the last that there was, is done
}

// topic is one key that is being watched.
type topic struct {
	watches map[*watch]struct{}
	ready   chan struct{} // closed when the server has confirmed the subscription
	told    bool          // ready is closed
}

func newHub(client redis.UniversalClient, sharded bool) *hub {
	h := &hub{
		client: client, sharded: sharded, changed: make(chan struct{}, 1),
		topics: make(map[string]*topic), changes: make(map[string]struct{}),
	}
	h.ctx, h.stop = context.WithCancel(context.Background())
	return h
}

// close ends the connection, for good.
func (h *hub) close() {
	h.stop()
	h.mu.Lock()
	ended := h.ended
	h.mu.Unlock()
	if ended == nil {
		return
	}
	select {
	case <-ended:
	case <-time.After(parting): // the client is trying to connect, and cannot be told to leave that
	}
}

// add begins to deliver to w. The channel that it returns is closed when wake-ups are sure to come.
func (h *hub) add(w *watch) (ready <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		return nil, redis.ErrClosed
	}
	t := h.topics[w.key]
	if t == nil {
		t = &topic{watches: make(map[*watch]struct{}), ready: make(chan struct{})}
		h.topics[w.key] = t
		h.touchLocked(w.key)
	}
	t.watches[w] = struct{}{}
	if !h.running {
		h.running, h.ended = true, make(chan struct{})
		go h.run(h.ended)
	}
	return t.ready, nil
}

func (h *hub) remove(w *watch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[w.key]
	if t == nil {
		return
	}
	delete(t.watches, w)
	if len(t.watches) == 0 {
		delete(h.topics, w.key)
		h.touchLocked(w.key)
	}
}

func (h *hub) touchLocked(key string) {
	h.changes[key] = struct{}{}
	select {
	case h.changed <- struct{}{}:
	default:
	}
}

// line is the connection, in the hands of the hub's goroutine.
type line struct {
	sub  *redis.PubSub
	msgs <-chan any
	keys map[string]*topic // what it is subscribed to
	lost <-chan time.Time  // tells when to call again
}

func (h *hub) run(ended chan struct{}) {
	l := line{keys: make(map[string]*topic)}
	quiet := time.NewTimer(idle)
	defer func() {
		quiet.Stop()
		l.hangUp()
		close(ended)
	}()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-quiet.C:
			if h.rest() {
				return
			}
			quiet.Reset(idle)
		case <-h.changed:
			h.follow(&l)
			quiet.Reset(idle)
		case msg, open := <-l.msgs:
			if open {
				h.receive(&l, msg)
			} else {
				h.lose(&l)
			}
		case <-l.lost:
			h.call(&l)
		}
	}
}

// rest reports whether the goroutine may end because nothing is watched, and puts that on record.
func (h *hub) rest() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = len(h.topics) > 0
	return !h.running
}

// follow subscribes to what is watched and unsubscribes from what is not. A key that was left and came back is a
// new topic, which has to be confirmed anew.
func (h *hub) follow(l *line) {
	var come, gone []string
	h.mu.Lock()
	for key := range h.changes {
		t := h.topics[key]
		switch {
		case t == nil && l.keys[key] != nil:
			gone = append(gone, key)
			delete(l.keys, key)
		case t != l.keys[key]:
			come = append(come, key)
			l.keys[key] = t
		}
	}
	clear(h.changes)
	h.mu.Unlock()
	// What fails from here on the client repeats when it reconnects.
	switch {
	case l.sub != nil && h.sharded:
		l.shards(h.ctx, come, gone)
	case l.sub != nil:
		if len(gone) > 0 {
			_ = l.sub.Unsubscribe(h.ctx, gone...)
		}
		if len(come) > 0 {
			_ = l.sub.Subscribe(h.ctx, come...)
		}
	case len(come) > 0:
		h.call(l)
	}
}

// call opens the connection for all that is watched. If that fails the next change tries again.
func (h *hub) call(l *line) {
	l.lost = nil
	if len(l.keys) == 0 {
		return
	}
	if h.sharded {
		l.sub = h.client.SSubscribe(h.ctx)
		l.shards(h.ctx, slices.Collect(maps.Keys(l.keys)), nil)
		l.msgs = pump(h.ctx, l.sub)
		return
	}
	sub, err := subscribe(h.ctx, h.client, slices.Collect(maps.Keys(l.keys)))
	if err == nil {
		l.sub, l.msgs = sub, sub.ChannelWithSubscriptions()
	}
}

// receive hands out a message. A subscription that is confirmed again was broken in between, and what came
// meanwhile is lost.
func (h *hub) receive(l *line, msg any) {
	switch m := msg.(type) {
	case *redis.Message:
		why := store.Changed
		if m.Payload == "0" {
			why = store.Failed
		}
		h.wake(m.Channel, why)
	case *redis.Subscription:
		t := l.keys[m.Channel]
		if t == nil || m.Kind == "unsubscribe" {
			return
		}
		if t.told || m.Kind == "sunsubscribe" { // or the slot has moved
			h.wake(m.Channel, store.Changed)
			return
		}
		t.told = true
		close(t.ready)
	}
}

func (h *hub) wake(key string, why store.Wake) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[key]; t != nil {
		for w := range t.watches {
			w.wake(why)
		}
	}
}

// hangUp closes the connection. It returns when the client's goroutines have let go of it.
func (l *line) hangUp() {
	if l.sub == nil {
		return
	}
	_ = l.sub.Close()
	for range l.msgs {
		continue
	}
}
