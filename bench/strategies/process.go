package main

import (
	"context"
	"net"

	"github.com/redis/go-redis/v9"
)

// subject is one process whose cache works by some strategy.
type subject interface {
	// Read returns the number of the write that made the record.
	Read(ctx context.Context, key int) (write int64, err error)
	// Write writes a record; commit writes to the database, and must be called once. The context carries a fate.
	Write(ctx context.Context, key int, commit func(context.Context) error) error
	// Close waits for what is to be done later.
	Close() error
}

// process is what a subject has to work with. All processes of a run have one prefix, and clients of their own.
type process struct {
	client *redis.Client
	prefix string
	load   func(ctx context.Context, key int) (row, error)
	bus    *bus
}

// newClient returns a client that counts the round trips of writes.
func newClient(addr string) *redis.Client {
	client := redis.NewClient(&redis.Options{Addr: addr, PoolSize: 64})
	client.AddHook(counter{})
	return client
}

// counter counts the round trips that a write waits for.
type counter struct{}

func (counter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		count(ctx)
		return next(ctx, cmd)
	}
}

func (counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		count(ctx)
		return next(ctx, cmds)
	}
}

func count(ctx context.Context) {
	if f := fateOf(ctx); f != nil {
		f.trips.Add(1)
	}
}

var _ redis.Hook = counter{}
