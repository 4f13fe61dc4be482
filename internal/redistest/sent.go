package redistest

import (
	"context"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Sent is a hook that counts what a client sends. The server's own count includes what scripts do.
type Sent struct{ Commands, Trips atomic.Int64 }

var _ redis.Hook = (*Sent)(nil)

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

// During returns what was sent while f ran.
func (s *Sent) During(f func()) (commands, trips int64) {
	commands, trips = s.Commands.Load(), s.Trips.Load()
	f()
	return s.Commands.Load() - commands, s.Trips.Load() - trips
}
