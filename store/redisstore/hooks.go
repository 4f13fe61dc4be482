package redisstore

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// Clones of a client have none of its hooks, so that its tracing and metrics would see nothing of what the store does.
// Hence a detour: a clone hands what it is about to send to the client, whose hooks run around it, the last of
// them being ours, which hands it back.

// The keys of what sends a command, or a pipeline, in the contexts of commands on a detour: a *sending, a *sendingMany.
// They name the client, for a hook may use its context to ask another one that has a store, too.
type (
	sendKey     struct{}
	sendManyKey struct{}

	sending struct {
		client redis.UniversalClient
		send   redis.ProcessHook
	}
	sendingMany struct {
		client redis.UniversalClient
		send   redis.ProcessPipelineHook
	}
)

// detour is a hook of a clone.
type detour struct{ client redis.UniversalClient }

func (detour) DialHook(next redis.DialHook) redis.DialHook { return next }

func (d detour) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		// Once only: the handshake of a new connection comes this way too, with the same context.
		if b, ok := ctx.(*brief); ok && b.send == nil {
			b.sending = sending{d.client, next}
		} else {
			ctx = context.WithValue(ctx, sendKey{}, &sending{d.client, next})
		}
		return d.client.Process(ctx, cmd)
	}
}

func (d detour) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		pipe := d.client.Pipeline()
		if err := pipe.BatchProcess(ctx, cmds...); err != nil {
			return err
		}
		_, err := pipe.Exec(context.WithValue(ctx, sendManyKey{}, &sendingMany{d.client, next}))
		return err
	}
}

// back is the hook of the client at which a detour ends.
type back struct{ client redis.UniversalClient }

func (back) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b back) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if on, ok := ctx.Value(sendKey{}).(*sending); ok && on.client == b.client {
			return on.send(ctx, cmd)
		}
		return next(ctx, cmd)
	}
}

func (b back) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if on, ok := ctx.Value(sendManyKey{}).(*sendingMany); ok && on.client == b.client {
			return on.send(ctx, cmds)
		}
		return next(ctx, cmds)
	}
}
