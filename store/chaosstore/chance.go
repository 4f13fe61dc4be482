package chaosstore

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"
)

// end is what becomes of a request or of a reply.
type end uint8

const (
	passed end = iota
	lost
	tardy
)

// fate is what is in store for one key of one operation, on one way.
type fate struct {
	end    end
	repeat bool
	later  time.Duration // of what is late or repeated
	delay  time.Duration
}

// event is what is counted, to tell the n-th from the others.
type event struct {
	way string
	op  Op
	key string
}

// chance draws fates.
type chance struct {
	seed uint64

	mu   sync.Mutex
	seen map[event]uint64 // guarded by mu
}

func (c *chance) request(op Op, key string, o Options) fate {
	r := c.draw(event{"request", op, key})
	f := fate{later: upTo(r, o.MaxDelay), delay: upTo(r, o.MaxDelay)}
	switch dice := r.Float64(); {
	case dice < o.Fail:
		f.end = lost
	case dice < o.Fail+o.Late:
		f.end = tardy
	}
	if op == OpWatch && f.end == tardy {
		f.end = lost
	}
	f.repeat = r.Float64() < o.Repeat && op != OpWatch
	if r.Float64() >= o.Delay {
		f.delay = 0
	}
	return f
}

func (c *chance) reply(op Op, key string, o Options) fate {
	r := c.draw(event{"reply", op, key})
	f := fate{delay: upTo(r, o.MaxDelay)}
	// Only what was neither failed nor late gets here.
	if rest := 1 - o.Fail - o.Late; r.Float64()*rest < o.Lose {
		f.end = lost
	}
	if r.Float64() >= o.Delay {
		f.delay = 0
	}
	return f
}

// draw returns the source of all chance for an event that happens now.
func (c *chance) draw(e event) *rand.Rand {
	c.mu.Lock()
	n := c.seen[e]
	c.seen[e]++
	c.mu.Unlock()
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %s %d %s", e.way, e.op, n, e.key)
	return rand.New(rand.NewPCG(c.seed, h.Sum64())) //nolint:gosec // chance, not secrets
}

// upTo draws a duration above 0.
func upTo(r *rand.Rand, most time.Duration) time.Duration {
	return 1 + time.Duration(r.Int64N(int64(most)))
}
