// Package flight merges callers who want the same key into one piece of work, and knows which of them may have
// its result.
//
// Merging is where stale values leak: a caller that came after a write must not be handed what was read before
// it. So each caller draws a ticket on joining, the leader takes a mark before each step whose result might be
// shared, and a result is good for the tickets up to the mark of the step it came from. A caller whose ticket
// is too high goes into a flight that opened after this one closed, and is early there by construction; so
// nobody goes round more than twice.
package flight

import (
	"context"
	"sync"
	"sync/atomic"
)

// Ticket is a caller's place in the order in which callers joined a flight.
type Ticket int

// first is the leader's ticket, and that of callers who came before the flight was opened.
const first Ticket = 1

// Group holds the open flights, one per key. The zero Group is ready. It must not be copied after first use.
type Group struct {
	mu   sync.Mutex
	open map[string]*Flight // guarded by mu
}

// Flight is one piece of work and the callers that wait for it. The one who leads it must Finish it.
type Flight struct {
	// Queued says that the work has yet to be admitted.
	Queued atomic.Bool

	group  *Group
	key    string
	ctx    context.Context //nolint:containedctx // the work's own context, which the callers end by leaving
	cancel context.CancelFunc
	done   chan struct{}

	// Guarded by group.mu.
	joined  Ticket
	waiting int

	// Written before done is closed.
	result any
	upTo   Ticket
}

// Join adds a caller to the open flight of key, or opens one for the caller to lead. A new flight's context has
// the values of ctx but not its end. A caller that was turned away by an earlier flight of this key says so
// with again.
func (g *Group) Join(ctx context.Context, key string, again bool) (f *Flight, t Ticket, lead bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f, ok := g.open[key]
	if !ok {
		f = newFlight(ctx, g, key)
		if g.open == nil {
			g.open = make(map[string]*Flight)
		}
		g.open[key] = f
		return f, first, true
	}
	f.waiting++
	if again {
		return f, first, false
	}
	f.joined++
	return f, f.joined, false
}

// Alone returns a flight that nobody can join. Its only caller has the first ticket.
func (g *Group) Alone(ctx context.Context) (*Flight, Ticket) {
	return newFlight(ctx, g, ""), first
}

func newFlight(ctx context.Context, g *Group, key string) *Flight {
	f := &Flight{group: g, key: key, done: make(chan struct{}), joined: first, waiting: 1}
	f.ctx, f.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return f
}

// Context ends when the last caller has left or the flight is finished.
func (f *Flight) Context() context.Context { return f.ctx }

// Mark returns the last ticket drawn so far. Whatever is asked of the world after Mark is new enough for the
// holders of tickets up to it.
func (f *Flight) Mark() Ticket {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	return f.joined
}

// Close shuts the flight to newcomers and returns its last ticket. It may be called more than once.
func (f *Flight) Close() Ticket {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.closeLocked()
	return f.joined
}

func (f *Flight) closeLocked() {
	if f.group.open[f.key] == f {
		delete(f.group.open, f.key)
	}
}

// Finish closes the flight and hands result to the callers with tickets up to upTo. It must be called once.
func (f *Flight) Finish(result any, upTo Ticket) {
	f.Close()
	f.result, f.upTo = result, upTo
	f.cancel() // first, as nothing is to be done once the callers are woken
	close(f.done)
}

// Wait returns the flight's result. It reports false for one that the holder of t may not have: the caller must
// join again. If ctx ends first the caller has left the flight, and Wait returns why ctx ended.
func (f *Flight) Wait(ctx context.Context, t Ticket) (any, bool, error) {
	select {
	case <-f.done:
		return f.result, t <= f.upTo, nil
	default:
	}
	select {
	case <-f.done:
		return f.result, t <= f.upTo, nil
	case <-ctx.Done():
		f.leave()
		return nil, false, ctx.Err()
	}
}

// leave takes a caller off. The last one to leave closes the flight and ends its context.
func (f *Flight) leave() {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.waiting--
	if f.waiting == 0 {
		f.closeLocked()
		f.cancel()
	}
}
