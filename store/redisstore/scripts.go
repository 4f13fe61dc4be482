package redisstore

import (
	"context"
	_ "embed"
	"errors"
	"iter"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/store"
)

var (
	//go:embed prelude.lua
	prelude string
	//go:embed look.lua
	lookText string
	//go:embed lease.lua
	leaseText string
	//go:embed renew.lua
	renewText string
	//go:embed release.lua
	releaseText string
	//go:embed fill.lua
	fillText string
	//go:embed fence.lua
	fenceText string
	//go:embed lift.lua
	liftText string
)

// script is the text of an operation, by the command with which it wakes waiters: on a Cluster that which stays on
// the servers that have the key.
type script struct{ classic, sharded *redis.Script }

const (
	classic = "local PUBLISH = 'PUBLISH'\n"
	sharded = "local PUBLISH = 'SPUBLISH'\n"
)

var (
	lookScript    = newScript(lookText)
	leaseScript   = newScript(leaseText)
	renewScript   = newScript(renewText)
	releaseScript = newScript(releaseText)
	fillScript    = newScript(fillText)
	fenceScript   = newScript(fenceText)
	liftScript    = newScript(liftText)
)

func newScript(text string) script {
	return script{redis.NewScript(classic + prelude + text), redis.NewScript(sharded + prelude + text)}
}

// of returns the text for the servers of s.
func (sc script) of(s *Store) *redis.Script {
	if s.hubs.sharded {
		return sc.sharded
	}
	return sc.classic
}

// A pipeline is written whole before its first reply is read, all within the client's time-outs of a few seconds.
const (
	batchCommands = 500
	batchBytes    = 8 << 20
)

// batches divides n commands into pipelines.
func batches(n int) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from := 0; from < n; from += batchCommands {
			if !yield(from, min(from+batchCommands, n)) {
				return
			}
		}
	}
}

// call is one execution of a script.
type call struct {
	key  string
	args []any
	size int // of large arguments
}

// run executes a script for each call, in as few round trips as that takes. Each command has its own error.
func (l *lane) run(ctx context.Context, script *redis.Script, calls []call) []*redis.Cmd {
	cmds := make([]*redis.Cmd, 0, len(calls))
	for len(calls) > 0 {
		n, size := 0, 0
		for n < len(calls) && n < batchCommands && (n == 0 || size+calls[n].size <= batchBytes) {
			size += calls[n].size
			n++
		}
		cmds = append(cmds, l.runBatch(ctx, script, calls[:n])...)
		calls = calls[n:]
	}
	return cmds
}

// runBatch executes calls by the script's hash, and again by its text those for which a server did not know the
// hash. Which server has which script is thus nobody's business, and a failover or SCRIPT FLUSH costs one round
// trip.
func (l *lane) runBatch(ctx context.Context, script *redis.Script, calls []call) []*redis.Cmd {
	cmds := make([]*redis.Cmd, len(calls))
	size := 0
	for _, c := range calls {
		size += c.size
	}
	client, limit := l.of(len(calls), size)
	if len(calls) == 1 {
		cmds[0] = l.runOne(ctx, client, limit, script, calls[0])
		return cmds
	}
	pipe := client.Pipeline()
	for i, c := range calls {
		cmds[i] = script.EvalSha(ctx, pipe, []string{c.key}, c.args...)
	}
	l.exec(ctx, limit, pipe, cmds)
	var again []*redis.Cmd
	for i, c := range calls {
		if unknown(cmds[i]) {
			cmds[i] = script.Eval(ctx, pipe, []string{c.key}, c.args...)
			again = append(again, cmds[i])
		}
	}
	if len(again) > 0 {
		l.exec(ctx, limit, pipe, again)
	}
	return cmds
}

// unknown reports whether the server did not know the script.
func unknown(cmd *redis.Cmd) bool { return redis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") }

// runOne is runBatch without what a pipeline costs.
func (l *lane) runOne(
	ctx context.Context, client redis.UniversalClient, limit time.Duration, script *redis.Script, c call,
) *redis.Cmd {
	evaluate := func(eval func(context.Context, redis.Scripter, []string, ...any) *redis.Cmd) *redis.Cmd {
		if err := l.enter(ctx); err != nil {
			cmd := redis.NewCmd(ctx)
			cmd.SetErr(err)
			return cmd
		}
		b := &brief{Context: ctx, timeout: limit}
		defer b.end()
		cmd := eval(b, client, []string{c.key}, c.args...)
		unanswered([]*redis.Cmd{cmd}, nil)
		l.leave(ctx, cmd.Err())
		return cmd
	}
	cmd := evaluate(script.EvalSha)
	if unknown(cmd) {
		cmd = evaluate(script.Eval)
	}
	return cmd
}

// each executes a script for each call where the reply does not matter.
func (l *lane) each(ctx context.Context, script *redis.Script, calls []call) []error {
	errs := make([]error, len(calls))
	for i, cmd := range l.run(ctx, script, calls) {
		errs[i] = cmd.Err()
	}
	return errs
}

// join joins the errors that differ: a server that is down says the same of each of a thousand keys.
func join(errs []error) error {
	var distinct []error
	said := make(map[string]bool)
	for _, err := range errs {
		if err != nil && !said[err.Error()] {
			said[err.Error()] = true
			distinct = append(distinct, err)
		}
	}
	return errors.Join(distinct...)
}

// stampArg is a stamp as records have it.
func stampArg(st store.Stamp) []byte { return record.AppendStamp(nil, st) }
