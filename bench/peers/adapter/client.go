package adapter

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// client returns a go-redis client, the same for every library that is built on one. Time-outs are short and contexts
// are heeded, as the defaults of go-redis (3 s, and contexts ignored once a command is on its way) would let reads hang
// in an outage whatever the library did.
func (c Config) client() *redis.Client {
	client := redis.NewClient(&redis.Options{
		Addr: c.Addr, PoolSize: 64, ContextTimeoutEnabled: true,
		DialTimeout: 500 * time.Millisecond, ReadTimeout: 500 * time.Millisecond, WriteTimeout: 500 * time.Millisecond,
	})
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
