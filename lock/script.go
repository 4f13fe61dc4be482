package lock

import (
	"context"
	_ "embed"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed acquire.lua
	acquireText string
	//go:embed next.lua
	nextText string
	//go:embed release.lua
	releaseText string
	//go:embed leave.lua
	leaveText string
	//go:embed handoff.lua
	handoffText string
	//go:embed renew.lua
	renewText string
	//go:embed look.lua
	lookText string
	//go:embed first.lua
	firstText string
	//go:embed record.lua
	recordText string
)

var (
	acquireScript = script{redis.NewScript(acquireText), acquireText}
	releaseScript = script{redis.NewScript(nextText + releaseText), nextText + releaseText}
	leaveScript   = script{redis.NewScript(nextText + leaveText), nextText + leaveText}
	handoffScript = script{redis.NewScript(nextText + handoffText), nextText + handoffText}
	renewScript   = script{redis.NewScript(renewText), renewText}
	lookScript    = script{redis.NewScript(lookText), lookText}
	firstScript   = script{redis.NewScript(firstText), firstText}
	recordScript  = script{redis.NewScript(recordText), recordText}
)

// script is one operation in Redis.
type script struct {
	*redis.Script
	text string
}

// command is the script by its hash, or where a server did not know that, by its text.
func (s script) command(ctx context.Context, whole bool, keys []string, args []any) *redis.Cmd {
	all := make([]any, 0, 3+len(keys)+len(args))
	if whole {
		all = append(all, "eval", s.text, len(keys))
	} else {
		all = append(all, "evalsha", s.Hash(), len(keys))
	}
	for _, key := range keys {
		all = append(all, key)
	}
	return redis.NewCmd(ctx, append(all, args...)...)
}

// exec executes the script. The client may repeat it, so it must be one that can be.
func (s script) exec(ctx context.Context, rdb redis.UniversalClient, keys []string, args ...any) (any, error) {
	cmd := s.command(ctx, false, keys, args)
	if err := rdb.Process(ctx, cmd); redis.HasErrorPrefix(err, "NOSCRIPT") {
		cmd = s.command(ctx, true, keys, args)
		_ = rdb.Process(ctx, cmd)
	}
	return cmd.Result()
}

// single is a command that the client must not repeat, so that a lost reply is ours to interpret.
type single struct{ *redis.Cmd }

// NoRetry implements redis.Cmder.
func (single) NoRetry() bool { return true }

// execOnce executes the script at most once.
func (s script) execOnce(ctx context.Context, rdb redis.UniversalClient, keys []string, args ...any) (any, error) {
	cmd := s.command(ctx, false, keys, args)
	if err := rdb.Process(ctx, single{cmd}); redis.HasErrorPrefix(err, "NOSCRIPT") {
		cmd = s.command(ctx, true, keys, args)
		_ = rdb.Process(ctx, single{cmd})
	}
	return cmd.Result()
}

// ms is d in milliseconds, rounded up, as a lease must not be shorter than its holder thinks.
func ms(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
