package lock

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// linger is how long a subscription is kept when nobody waits, and then the connection.
const linger = 3 * time.Second

// hub hands out messages about locks. There is one connection, or one per shard of a cluster, while somebody waits.
type hub struct {
	rdb  redis.UniversalClient
	ctx  context.Context //nolint:containedctx // the life of the hub, not of a request
	stop context.CancelFunc
	work sync.WaitGroup

	mu sync.Mutex
	// Guarded by mu.
	topics map[string]*topic
	lines  map[string]*line // by the address of the shard; of one server, the empty string
}

// topic is the channel of one lock.
type topic struct {
	line  *line
	ears  map[*ear]struct{}
	live  bool      // messages are sure to come
	quiet time.Time // since when nobody listens
}

// ear is somebody who listens. hear is called in turn and must not block.
type ear struct{ hear func(message) }

func (h *hub) init(rdb redis.UniversalClient) {
	h.rdb = rdb
	h.ctx, h.stop = context.WithCancel(context.Background())
	h.topics = make(map[string]*topic)
	h.lines = make(map[string]*line)
}

func (h *hub) close() {
	h.mu.Lock()
	h.stop()
	h.mu.Unlock()
	h.work.Wait()
}

// attach begins to deliver messages of channel to hear. Without open it does so only if there is a subscription
// already, and returns nil if there is not. hear is told to look when messages are sure to come, if they were not
// when attach was called.
func (h *hub) attach(channel string, hear func(message), open bool) *ear {
	var shard string
	client := h.rdb
	cluster, sharded := h.rdb.(*redis.ClusterClient)
	if sharded && open {
		node, err := cluster.MasterForKey(h.ctx, channel)
		if err != nil {
			return nil // who waits looks now and then
		}
		client, shard = node, node.Options().Addr
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.topics[channel]
	switch {
	case h.ctx.Err() != nil, t == nil && !open:
		return nil
	case t == nil:
		t = &topic{line: h.lineLocked(shard, client, sharded), ears: make(map[*ear]struct{})}
		h.topics[channel] = t
		t.line.touchLocked(channel)
	}
	e := &ear{hear}
	t.ears[e] = struct{}{}
	if open && t.live {
		hear(message{})
	}
	return e
}

func (h *hub) detach(channel string, e *ear) {
	if e == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.topics[channel]; t != nil {
		delete(t.ears, e)
		t.quiet = time.Now()
	}
}

func (h *hub) lineLocked(shard string, client redis.UniversalClient, sharded bool) *line {
	ln := h.lines[shard]
	if ln == nil {
		ln = &line{
			hub: h, shard: shard, client: client, sharded: sharded,
			changed: make(chan struct{}, 1), changes: make(map[string]struct{}),
		}
		h.lines[shard] = ln
		h.work.Go(ln.run)
	}
	return ln
}

// tell delivers m to all who listen to channel. live says that messages are sure to come from now on.
func (h *hub) tell(channel string, m message, live bool) {
	h.mu.Lock()
	ears := h.earsLocked(channel, live)
	h.mu.Unlock()
	for _, e := range ears {
		e.hear(m)
	}
}

func (h *hub) earsLocked(channel string, live bool) []*ear {
	t := h.topics[channel]
	if t == nil {
		return nil
	}
	t.live = t.live || live
	ears := make([]*ear, 0, len(t.ears))
	for e := range t.ears {
		ears = append(ears, e)
	}
	return ears
}

// sweepLocked forgets the channels of ln that nobody has listened to for a while, and reports whether ln is needed.
func (h *hub) sweepLocked(ln *line) bool {
	needed := false
	for channel, t := range h.topics {
		switch {
		case t.line != ln:
		case len(t.ears) == 0 && time.Since(t.quiet) > linger:
			delete(h.topics, channel)
			ln.touchLocked(channel)
			needed = true // until it has unsubscribed
		default:
			needed = true
		}
	}
	if !needed && len(ln.changes) == 0 {
		delete(h.lines, ln.shard)
		return false
	}
	return true
}
