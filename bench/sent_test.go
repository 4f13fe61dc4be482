package bench_test

import (
	"context"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// sent counts what a client sends. The server's own count includes what scripts do.
type sent struct{ commands, trips atomic.Int64 }

func (s *sent) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s *sent) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s.commands.Add(1)
		s.trips.Add(1)
		return next(ctx, cmd)
	}
}

func (s *sent) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		s.commands.Add(int64(len(cmds)))
		s.trips.Add(1)
		return next(ctx, cmds)
	}
}

// during returns what was sent while f ran.
func (s *sent) during(f func()) (commands, trips int64) {
	commands, trips = s.commands.Load(), s.trips.Load()
	f()
	return s.commands.Load() - commands, s.trips.Load() - trips
}
