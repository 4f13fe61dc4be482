package redisstore

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// crowd sends the look-ups of many callers together. A few callers are served fastest over a connection each. More
// of them cost a write, a read and a wake-up apiece, which is most of what a look-up costs; in batches they share
// these, and those of one key share the look-up. Below the limit a caller pays an atomic counter for that.
//
// While one batch is under way the next gathers, and nobody waits for company. Where batches take too long, as records
// are large or the server is slow, they become smaller, and look-ups that have waited too long are given up, lest all
// come to wait for those that nobody waits for any more.
type crowd struct {
	present atomic.Int64 // callers, by either way
	few     int64
	timeout time.Duration
	// ask looks up keys, which differ. It returns an error where it has told that of all of them. It takes up to twice
	// the time-out.
	ask func(keys []string, found found) error

	mu sync.Mutex
	// Guarded by mu.
	queue  []*batch       // all but the last are full
	spare  map[string]int // empty, of a batch that has been sent
	most   int            // keys in a batch
	asking bool
}

const (
	// fewPerCore callers keep a core busy.
	fewPerCore = 4
	// manyKeys may go in one batch, and someKeys always: what is asked for has to arrive within one time-out, and
	// nothing tells how large it is.
	manyKeys = 256
	someKeys = 16
	// overdueIn is how many time-outs after it began to gather a batch is not worth sending.
	overdueIn = 2
)

// batch is look-ups that are made together, all after the last of its callers has come.
type batch struct {
	began   time.Time
	keys    []string
	places  map[string]int // in keys; nil once it is sent
	waiting atomic.Int64   // callers
	done    chan struct{}  // closed when there are answers
	// answers are by place.
	answers []answer
}

var errOverdue = errors.New("redisstore: too many look-ups wait, or the server is slow")

// newCrowd returns a crowd beside so many connections.
func newCrowd(connections int, timeout time.Duration, ask func(keys []string, found found) error) *crowd {
	few := min(fewPerCore*runtime.GOMAXPROCS(0), connections)
	return &crowd{few: int64(few), timeout: timeout, ask: ask, most: manyKeys}
}

// enter counts a caller in, until leave. It reports whether there are many.
func (c *crowd) enter() bool { return c.present.Add(1) > c.few }

func (c *crowd) leave() { c.present.Add(-1) }

// get looks a key up together with others. It returns ErrUnavailable if away is closed first.
func (c *crowd) get(ctx context.Context, key string, away <-chan struct{}) ([]byte, error) {
	b, place := c.join(key)
	defer b.waiting.Add(-1)
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
	if n := len(c.queue); n > 0 && len(c.queue[n-1].keys) < c.most {
		b = c.queue[n-1]
	} else {
		b = &batch{began: time.Now(), places: c.spare, done: make(chan struct{})}
		if b.places == nil {
			b.places = make(map[string]int, manyKeys)
		}
		c.spare = nil
		c.queue = append(c.queue, b)
	}
	b.waiting.Add(1)
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
	ended := false
	defer func() {
		if !ended { // a hook of the client has ended the goroutine
			go c.run()
		}
	}()
	for b := c.next(); b != nil; b = c.next() {
		c.answer(b)
	}
	ended = true
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

func (c *crowd) answer(b *batch) {
	defer close(b.done)
	if b.waiting.Load() == 0 {
		return
	}
	late := time.Since(b.began) > overdueIn*c.timeout
	b.answers = make([]answer, len(b.keys))
	for i := range b.answers {
		b.answers[i].err = errUnanswered
		if late {
			b.answers[i].err = errOverdue
		}
	}
	if late {
		return
	}
	err := c.ask(b.keys, func(i int, v []byte, err error) { b.answers[i] = answer{v, err} })
	c.mu.Lock()
	defer c.mu.Unlock()
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		c.most = max(c.most/4, someKeys)
	} else if err == nil {
		c.most = min(2*c.most, manyKeys)
	}
}
