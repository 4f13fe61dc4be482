package redisstore

import (
	"context"
	"sync/atomic"
	"time"
)

// brief is the context of one look-up: that of its caller, which ends after timeout besides. The time-outs of a
// connection begin when there is one. Where the client has to dial, five times and behind Sentinel under a lock, only a
// context ends the wait, and a reader who waited for it until its own deadline would have nothing from the source.
//
// But for the dial the client asks once whether the context has ended, and waits for it nowhere. So the first answer is
// the caller's, and the timer is made by the second question: a hit has none.
type brief struct {
	context.Context               //nolint:containedctx // it is one
	timeout         time.Duration // 0: none
	sending                       // see detour

	asked   atomic.Bool
	bounded atomic.Pointer[ending] // made at the second question
}

// ending is a context that ends after a time, too.
type ending struct {
	context.Context //nolint:containedctx // it is one
	cancel          context.CancelFunc
}

func (b *brief) Done() <-chan struct{} {
	if b.timeout == 0 || !b.asked.Load() && b.asked.CompareAndSwap(false, true) {
		return b.Context.Done()
	}
	if in := b.bounded.Load(); in != nil {
		return in.Done()
	}
	ctx, cancel := context.WithTimeout(b.Context, b.timeout)
	if in := (&ending{ctx, cancel}); !b.bounded.CompareAndSwap(nil, in) {
		cancel() // somebody else asked at the same time
	}
	return b.bounded.Load().Done()
}

func (b *brief) Err() error {
	if in := b.bounded.Load(); in != nil {
		return in.Err()
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
	if in := b.bounded.Load(); in != nil {
		in.cancel()
	}
}
