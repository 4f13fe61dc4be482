package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ReplicasError is returned by Invalidate and Lift where fewer replicas than Options.Replicas have confirmed in time.
// The master has executed the invalidation, and would lose it in a failover to one that has not.
type ReplicasError struct {
	Want, Got int
}

func (e *ReplicasError) Error() string {
	return fmt.Sprintf("redisstore: %d of %d replicas have confirmed the invalidation", e.Got, e.Want)
}

// redirects is how often a command is sent elsewhere, or again with the script's text.
const redirects = 4

// slack is what a reply to WAIT may be late by: a server that is idle looks at the clock ten times a second.
const slack = 500 * time.Millisecond

// replicated invalidates so that replicas have it too. WAIT speaks of what its own connection has written, so it
// goes in one pipeline with that, to each server.
type replicated struct {
	client redis.UniversalClient
	n      int           // of replicas; 0: do not wait
	wait   time.Duration // for them
}

// errand is one command on its way.
type errand struct {
	call
	index  int
	text   bool   // the server does not know the script by its hash
	addr   string // where a server said that the key is
	asking bool   // only for this once
}

// each executes a script for each call, or DEL if there is none.
func (r replicated) each(ctx context.Context, script *redis.Script, calls []call) []error {
	errs := make([]error, len(calls))
	for from, to := range batches(len(calls)) {
		todo := make([]errand, 0, to-from)
		for i := from; i < to; i++ {
			todo = append(todo, errand{call: calls[i], index: i})
		}
		for range 1 + redirects {
			if len(todo) > 0 {
				todo = r.round(ctx, script, todo, errs)
			}
		}
	}
	return errs
}

// target is a server, or another that it spoke of.
type target struct {
	client *redis.Client
	addr   string
}

// round sends errands to their servers, and returns those that have to be sent again.
func (r replicated) round(ctx context.Context, script *redis.Script, todo []errand, errs []error) []errand {
	targets := make(map[target][]errand)
	for _, e := range todo {
		client, err := shard(ctx, r.client, e.key)
		if err != nil {
			errs[e.index] = err
			continue
		}
		t := target{client, e.addr}
		targets[t] = append(targets[t], e)
	}
	var (
		sending sync.WaitGroup
		mu      sync.Mutex
		again   []errand // guarded by mu
	)
	for t, errands := range targets {
		sending.Go(func() {
			client, done := r.dial(t)
			defer done()
			left := r.send(ctx, client, script, errands, errs)
			mu.Lock()
			defer mu.Unlock()
			again = append(again, left...)
		})
	}
	sending.Wait()
	return again
}

// dial returns a client that waits for replicas. One for an address that the client of the cluster has not told of
// lasts for one pipeline: it is needed only while a slot moves.
func (r replicated) dial(t target) (client *redis.Client, done func()) {
	own := t.client.Options()
	timeout := own.ReadTimeout
	if timeout > 0 {
		timeout = max(timeout, slack) + r.wait
	}
	if t.addr == "" {
		return with(r.client, t.client, timeout, own.WriteTimeout, own.MaxRetries), func() {}
	}
	opts := *own
	opts.Addr, opts.ReadTimeout, opts.ContextTimeoutEnabled = t.addr, timeout, true
	opts.PoolSize, opts.MinIdleConns = 1, 0
	client = redis.NewClient(&opts)
	return client, func() { _ = client.Close() }
}

// send sends errands in one pipeline, and returns those that have to be sent again.
func (r replicated) send(
	ctx context.Context, client *redis.Client, script *redis.Script, errands []errand, errs []error,
) (again []errand) {
	pipe := client.Pipeline()
	cmds := make([]redis.Cmder, len(errands))
	for i, e := range errands {
		if e.asking {
			pipe.Do(ctx, "asking")
		}
		switch {
		case script == nil:
			cmds[i] = pipe.Del(ctx, e.key)
		case e.text:
			cmds[i] = script.Eval(ctx, pipe, []string{e.key}, e.args...)
		default:
			cmds[i] = script.EvalSha(ctx, pipe, []string{e.key}, e.args...)
		}
	}
	have := redis.NewIntCmd(ctx, "wait", r.n, r.wait.Milliseconds())
	_ = pipe.Process(ctx, have)
	_, _ = pipe.Exec(ctx)
	unconfirmed := have.Err()
	if got := int(have.Val()); unconfirmed == nil && got < r.n {
		unconfirmed = &ReplicasError{Want: r.n, Got: got}
	}
	for i, e := range errands {
		err := cmds[i].Err()
		errs[e.index] = cmp.Or(err, unconfirmed)
		unknown := redis.HasErrorPrefix(err, "NOSCRIPT")
		if addr, asking := redirect(err); addr != "" {
			e.addr, e.asking = addr, asking
		} else if !unknown {
			continue
		}
		e.text = e.text || unknown
		again = append(again, e)
	}
	if cluster, ok := r.client.(*redis.ClusterClient); ok && (len(again) > 0 || fails(have.Err())) {
		cluster.ReloadState(ctx)
	}
	return again
}
