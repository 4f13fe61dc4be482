package kafkabus

import (
	"context"
	"sync"
)

// room bounds how many messages there are. Those who wait come in turn.
type room struct {
	most int
	turn chan struct{} // holds a token while somebody enters

	mu    sync.Mutex
	taken int           // guarded by mu
	left  chan struct{} // holds a token if somebody has left
}

func newRoom(most int) *room {
	return &room{most: most, turn: make(chan struct{}, 1), left: make(chan struct{}, 1)}
}

// enter waits until there is room for n, or for all if n is more.
func (r *room) enter(ctx context.Context, n int) error {
	select {
	case r.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-r.turn }()
	for {
		r.mu.Lock()
		if r.taken == 0 || r.taken+n <= r.most {
			r.taken += n
			r.mu.Unlock()
			return nil
		}
		r.mu.Unlock()
		select {
		case <-r.left:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *room) leave(n int) {
	r.mu.Lock()
	r.taken -= n
	r.mu.Unlock()
	select {
	case r.left <- struct{}{}:
	default:
	}
}

// used returns how many there are.
func (r *room) used() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken
}
