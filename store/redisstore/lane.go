package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// lane is a way to the server: a client and how long to put up with it.
type lane struct {
	client redis.UniversalClient
	health *health // nil: always ask
}

// lanes returns the ways of reads and of invalidations. Both share the connections of client.
//
// A read has an alternative, the source, so it does not wait long, is not repeated, and is given up at once
// while the server is known to fail. An invalidation has none: it takes the client's own time-outs and
// repetitions, until its context ends. Clients of several servers go by their own settings in both.
func lanes(client redis.UniversalClient, timeout time.Duration) (reads, writes lane) {
	single, ok := client.(*redis.Client)
	if !ok {
		return lane{client: client}, lane{client: client}
	}
	own := *single.Options()
	// WithTimeout makes a client with options of its own, over the same connections.
	if own.ReadTimeout > 0 {
		timeout = min(timeout, own.ReadTimeout)
	}
	quick := single.WithTimeout(timeout)
	quick.Options().MaxRetries = 0
	quick.Options().ContextTimeoutEnabled = true
	patient := single.WithTimeout(own.ReadTimeout)
	patient.Options().WriteTimeout = own.WriteTimeout
	patient.Options().ContextTimeoutEnabled = true
	ping := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return quick.Ping(ctx).Err()
	}
	return lane{quick, newHealth(own.PoolSize, ping)}, lane{client: patient}
}

// do runs an operation unless the server is known to fail.
func (l lane) do(ctx context.Context, operation func() error) error {
	if err := l.health.enter(ctx); err != nil {
		return err
	}
	err := operation()
	l.health.leave(err)
	return err
}

// exec sends a pipeline. Its commands have errors of their own; the one returned says that they were not sent.
func (l lane) exec(ctx context.Context, pipe redis.Pipeliner) error {
	if err := l.health.enter(ctx); err != nil {
		return err
	}
	_, err := pipe.Exec(ctx)
	l.health.leave(err)
	return nil
}
