package adapter

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// impatience is the time-out of whatever is asked of Redis in an outage. With one repetition, a library may ask twice
// within the second that its caller has.
const impatience = 200 * time.Millisecond

// client returns a go-redis client, the same for every library that is built on one. In an outage its time-outs are
// short, as its own (3 s and three repetitions) would leave no time for the source, whatever the library did.
func (c Config) client() *redis.Client {
	opts := &redis.Options{Addr: c.Addr, ContextTimeoutEnabled: true}
	if c.Impatient {
		opts.MaxRetries, opts.DialTimeout, opts.PoolTimeout = 1, impatience, impatience
		opts.ReadTimeout, opts.WriteTimeout = impatience, impatience
	}
	client := redis.NewClient(opts)
	if c.Sent != nil {
		client.AddHook(c.Sent)
	}
	return client
}

// Sent counts what a client sends. The server's own count includes what scripts do.
type Sent struct{ Commands, Trips atomic.Int64 }

// DialHook leaves dialling alone.
func (s *Sent) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook counts a command.
func (s *Sent) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s.Commands.Add(1)
		s.Trips.Add(1)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook counts a pipeline.
func (s *Sent) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.Commands.Add(int64(len(cmds)))
		s.Trips.Add(1)
		return next(ctx, cmds)
	}
}
