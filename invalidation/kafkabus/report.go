package kafkabus

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// reporter passes errors on, each kind at most once in reportEvery: a broker that is down is one piece of news.
type reporter struct {
	tell func(context.Context, error)

	mu   sync.Mutex
	last map[string]time.Time // guarded by mu: by kind
}

const reportEvery = 10 * time.Second

func newReporter(tell func(context.Context, error)) *reporter {
	return &reporter{tell: tell, last: make(map[string]time.Time)}
}

// report tells of err, which happened to what kind says.
func (r *reporter) report(ctx context.Context, kind string, err error) {
	now := time.Now()
	r.mu.Lock()
	last, known := r.last[kind]
	if known && now.Sub(last) < reportEvery {
		r.mu.Unlock()
		return
	}
	r.last[kind] = now
	r.mu.Unlock()
	r.tell(ctx, fmt.Errorf("kafkabus: %s: %w", kind, err))
}
