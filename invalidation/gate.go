package invalidation

import (
	"context"
	"sync"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
)

// gate keeps all who want to delete from trying at once while the store is down: after openAfter failures in a row, of
// anybody, one of them tries every half second and the others wait for it.
type gate struct {
	report func(context.Context, error)
	probe  chan struct{} // holds a token while somebody probes

	mu     sync.Mutex
	failed int // guarded by mu: failures since the last success
}

const (
	openAfter  = 3
	probeEvery = 500 * time.Millisecond
)

var space = backoff.Policy{First: 20 * time.Millisecond, Most: probeEvery}

func newGate(report func(context.Context, error)) *gate {
	return &gate{report: report, probe: make(chan struct{}, 1)}
}

// try runs f, when it is its turn. If f fails, it returns after a pause. It returns an error only if ctx has ended.
func (g *gate) try(ctx context.Context, f func() error) error {
	if g.open() {
		select {
		case g.probe <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if g.open() {
			defer func() { <-g.probe }() // after the pause, if f fails
		} else {
			<-g.probe
		}
	}
	err := f()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	g.mu.Lock()
	if err == nil {
		g.failed = 0
	} else {
		g.failed++
	}
	failed := g.failed
	g.mu.Unlock()
	if err == nil {
		return nil
	}
	if failed == openAfter {
		g.report(ctx, err)
	}
	return pause(ctx, space.Delay(failed))
}

// pause waits for d, and returns an error if ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *gate) open() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.failed >= openAfter
}
