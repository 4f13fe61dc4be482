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
// its context ends. A client of several servers goes by its own settings in both; see fleet.
func lanes(client redis.UniversalClient, timeout time.Duration) (reads, writes lane) {
	if err := routed(client); err != nil {
		refused := lane{client, client, newHealth(0, nil, func(context.Context) error { return err })}
		return refused, refused
	}
	single, ok := client.(*redis.Client)
	if !ok {
		return lane{client: client, bulk: client}, lane{client: client, bulk: client}
	}
	own := single.Options()
	patient := with(single, own.ReadTimeout, own.WriteTimeout, own.MaxRetries)
	return bounded(single, timeout, func(error) {}), lane{client: patient, bulk: patient}
}

// with returns a client with options of its own, over the same connections.
func with(server *redis.Client, read, write time.Duration, retries int) *redis.Client {
	c := server.WithTimeout(read)
	c.Options().WriteTimeout = write
	c.Options().MaxRetries = retries
	c.Options().ContextTimeoutEnabled = true
	return c
}

// bounded returns the way of reads to one server. away is told of each PING that fails.
func bounded(server *redis.Client, timeout time.Duration, away func(error)) lane {
	own := server.Options()
	within := func(d time.Duration) *redis.Client {
		if own.ReadTimeout > 0 {
			d = min(d, own.ReadTimeout)
		}
		return with(server, d, d, 0)
	}
	quick := within(timeout)
	ping := func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		err := quick.Ping(ctx).Err()
		if err != nil {
			away(err)
		}
		return err
	}
	vet := func(ctx context.Context) error { return master(ctx, quick) }
	return lane{quick, within(patience * timeout), newHealth(own.PoolSize, ping, vet)}
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
