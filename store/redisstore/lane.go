package redisstore

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// lane is a way to the server: a client and how long to put up with it.
type lane struct {
	client redis.UniversalClient
	bulk   redis.UniversalClient // client, with more time for what takes some
	health *health               // nil: always ask
}

const (
	// few commands of few bytes are answered within the time-out of one, by a server in good health.
	fewCommands = 16
	fewBytes    = 1 << 20
	// patience is how many time-outs larger batches have.
	patience = 10
)

// lanes returns the ways of reads and of invalidations. Both share the connections of client.
//
// A read has an alternative, the source, so it does not wait long, is not repeated, and is given up at once while
// the server is known to fail. An invalidation has none: it takes the client's own time-outs and repetitions, until
// its context ends. Clients of several servers go by their own settings in both.
func lanes(client redis.UniversalClient, timeout time.Duration) (reads, writes lane) {
	if err := routed(client); err != nil {
		refused := lane{client, client, newHealth(0, nil, func(context.Context) error { return err })}
		return refused, refused
	}
	single, ok := client.(*redis.Client)
	if !ok {
		return lane{client: client, bulk: client}, lane{client: client, bulk: client}
	}
	own := *single.Options()
	// with makes a client with options of its own, over the same connections.
	with := func(read, write time.Duration, retries int) *redis.Client {
		c := single.WithTimeout(read)
		c.Options().WriteTimeout = write
		c.Options().MaxRetries = retries
		c.Options().ContextTimeoutEnabled = true
		return c
	}
	bounded := func(d time.Duration) *redis.Client {
		if own.ReadTimeout > 0 {
			d = min(d, own.ReadTimeout)
		}
		return with(d, d, 0)
	}
	quick, patient := bounded(timeout), with(own.ReadTimeout, own.WriteTimeout, own.MaxRetries)
	ping := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return quick.Ping(ctx).Err()
	}
	vet := func(ctx context.Context) error { return master(ctx, quick) }
	health := newHealth(own.PoolSize, ping, vet)
	return lane{quick, bounded(patience * timeout), health}, lane{client: patient, bulk: patient}
}

// of returns the client for n commands of so many bytes.
func (l lane) of(n, bytes int) redis.UniversalClient { //nolint:ireturn // it is what it was given
	if n > fewCommands || bytes > fewBytes {
		return l.bulk
	}
	return l.client
}

// do runs an operation unless the server is known to fail.
func (l lane) do(ctx context.Context, operation func() error) error {
	if err := l.health.enter(ctx); err != nil {
		return err
	}
	err := operation()
	l.health.leave(ctx, err)
	return err
}

// exec sends a pipeline. Its commands have errors of their own; the one returned says that they were not sent.
func (l lane) exec(ctx context.Context, pipe redis.Pipeliner) error {
	if err := l.health.enter(ctx); err != nil {
		return err
	}
	_, err := pipe.Exec(ctx)
	l.health.leave(ctx, err)
	return nil
}
