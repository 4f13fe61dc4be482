package redisstore

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// crowd sends the look-ups of many callers together. A few callers are served fastest over a connection each. More
// of them cost a write, a read and a wake-up apiece, which is most of what a look-up costs; in batches they share
// these, and those of one key share the look-up. Below the limit a caller pays an atomic counter for that.
//
// While one batch is under way the next gathers, and nobody waits for company.
type crowd struct {
	present atomic.Int64 // callers, by either way
	few     int64
	// ask looks up keys, which differ, and is bounded in time.
	ask func(keys []string, found found)

	mu sync.Mutex
	// Guarded by mu.
	queue  []*batch       // all but the last are full
	spare  map[string]int // empty, of a batch that has been sent
	asking bool
}

const (
	// fewPerCore callers keep a core busy.
	fewPerCore = 4
	// manyKeys go in one batch: what is asked for has to arrive within one time-out, and nothing tells how large it is.
	manyKeys = 256
)

// batch is look-ups that are made together, all after the last of its callers has come.
type batch struct {
	keys   []string
	places map[string]int // in keys; nil once it is sent
	done   chan struct{}  // closed when there are answers
	// answers are by place.
	answers []answer
}

// newCrowd returns a crowd beside so many connections.
func newCrowd(connections int, ask func(keys []string, found found)) *crowd {
	return &crowd{few: int64(min(fewPerCore*runtime.GOMAXPROCS(0), connections)), ask: ask}
}

// enter counts a caller in, until leave. It reports whether there are many.
func (c *crowd) enter() bool { return c.present.Add(1) > c.few }

func (c *crowd) leave() { c.present.Add(-1) }

// get looks a key up together with others. It returns ErrUnavailable if away is closed first.
func (c *crowd) get(ctx context.Context, key string, away <-chan struct{}) ([]byte, error) {
	b, place := c.join(key)
	select {
	case <-b.done:
		return b.answers[place].b, b.answers[place].err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-away:
		return nil, ErrUnavailable
	}
}

// join puts a key into the batch that gathers.
func (c *crowd) join(key string) (*batch, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b *batch
	if n := len(c.queue); n > 0 && len(c.queue[n-1].keys) < manyKeys {
		b = c.queue[n-1]
	} else {
		b = &batch{places: c.spare, done: make(chan struct{})}
		if b.places == nil {
			b.places = make(map[string]int, manyKeys)
		}
		c.spare = nil
		c.queue = append(c.queue, b)
	}
	place, ok := b.places[key]
	if !ok {
		place = len(b.keys)
		b.places[key] = place
		b.keys = append(b.keys, key)
	}
	if !c.asking {
		c.asking = true
		go c.run()
	}
	return b, place
}

// run asks for one batch after another until there is none.
func (c *crowd) run() {
	for b := c.next(); b != nil; b = c.next() {
		b.answers = make([]answer, len(b.keys))
		c.ask(b.keys, func(i int, v []byte, err error) { b.answers[i] = answer{v, err} })
		close(b.done)
	}
}

func (c *crowd) next() *batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		c.asking = false
		return nil
	}
	b := c.queue[0]
	c.queue = slices.Delete(c.queue, 0, 1)
	clear(b.places)
	c.spare, b.places = b.places, nil
	return b
}
