package redisstore

import (
	"context"
	"sync"
	"time"
)

// brief is the context of one look-up: that of its caller, which ends after timeout besides. The time-outs of a
// connection begin when there is one. Where the client has to dial, five times and behind Sentinel under a lock, only a
// context ends the wait, and a reader who waited for it until its own deadline would have nothing from the source.
//
// But for the dial the client asks once whether the context has ended, and waits for it nowhere. So the first answer is
// the caller's, and the timer is made by the second question: a hit has none.
type brief struct {
	context.Context //nolint:containedctx // it is one
	timeout         time.Duration
	sending         // see detour

	mu sync.Mutex
	// Guarded by mu.
	asked   bool
	bounded context.Context //nolint:containedctx // made at the second question
	cancel  context.CancelFunc
}

func (b *brief) Done() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.asked {
		b.asked = true
		return b.Context.Done()
	}
	if b.bounded == nil {
		b.bounded, b.cancel = context.WithTimeout(b.Context, b.timeout)
	}
	return b.bounded.Done()
}

func (b *brief) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bounded != nil {
		return b.bounded.Err()
	}
	return b.Context.Err()
}

func (b *brief) Value(key any) any {
	if key == (sendKey{}) && b.send != nil {
		return &b.sending
	}
	return b.Context.Value(key)
}

// end frees the timer, if there is one.
func (b *brief) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.cancel != nil {
		b.cancel()
	}
}

// untilAway is a context without an end that ends when the server is given up. It needs no timer.
type untilAway struct {
	context.Context //nolint:containedctx // it is one
	away            <-chan struct{}
}

func (u untilAway) Done() <-chan struct{} { return u.away }

func (u untilAway) Err() error {
	select {
	case <-u.away:
		return ErrUnavailable
	default:
		return nil
	}
}
