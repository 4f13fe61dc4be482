package cachet

import (
	"context"
	"fmt"
	"time"
)

// adviser is a store that knows what could be set up better for a cache, as redisstore does.
type adviser interface {
	Advise(ctx context.Context) ([]string, error)
}

// adviceTimeout bounds the questions that advice takes.
const adviceTimeout = 5 * time.Second

// advise asks the store, in the background, what could be set up better, if anybody wants to know.
func (c *Cache[K, V]) advise(st any) {
	a, ok := st.(adviser)
	if !ok || c.cfg.Hooks.Advice == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), adviceTimeout)
	done := make(chan struct{})
	c.stopAdvice = func(closing context.Context) {
		cancel()
		select {
		case <-done:
		case <-closing.Done(): // a hook, or the store, holds it up
		}
	}
	go func() {
		defer close(done)
		defer cancel()
		advice, err := a.Advise(ctx)
		for _, text := range advice {
			c.cfg.Hooks.Advice(ctx, text)
		}
		if err != nil && ctx.Err() == nil {
			c.report(ctx, fmt.Errorf("cachet: advice: %w", err))
		}
	}()
}
