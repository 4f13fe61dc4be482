package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// lane is a way to the server: a client and how long to put up with it.
type lane struct {
	client redis.UniversalClient
	bulk   redis.UniversalClient // client, with more time for what takes some
	health *health               // nil: always ask
	// patient: ask a server that fails, too, unless nobody listens.
	patient bool
	timeout time.Duration // of a few commands, where there is health and no patience
	crowd   *crowd        // nil: every look-up goes alone
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
// its context ends, and is given up only while nobody listens at all. A client of several servers goes by its own
// settings in both; see fleet.
func lanes(client redis.UniversalClient, timeout time.Duration) (reads, writes lane) {
	if err := routed(client); err != nil {
		h := newHealth(0, nil, nil, func(context.Context) error { return err })
		refused := lane{client: client, bulk: client, health: h}
		return refused, refused
	}
	client.AddHook(back{client})
	single, ok := client.(*redis.Client)
	if !ok {
		return lane{client: client, bulk: client}, lane{client: client, bulk: client}
	}
	own := single.Options()
	patient := with(client, single, own.ReadTimeout, own.WriteTimeout, own.MaxRetries)
	reads = bounded(client, single, timeout, func(error) {})
	return reads, lane{client: patient, bulk: patient, health: reads.health, patient: true}
}

// with returns a client with options of its own, over the same connections. The hooks are those of client.
func with(client redis.UniversalClient, server *redis.Client, read, write time.Duration, retries int) *redis.Client {
	c := server.WithTimeout(read)
	c.Options().WriteTimeout = write
	c.Options().MaxRetries = retries
	c.Options().ContextTimeoutEnabled = true
	c.AddHook(detour{client})
	return c
}

// bounded returns the way of reads to one server of client. away is told of each PING that fails.
func bounded(client redis.UniversalClient, server *redis.Client, timeout time.Duration, away func(error)) lane {
	own := server.Options()
	taking := func(d time.Duration) *redis.Client {
		if own.ReadTimeout > 0 {
			d = min(d, own.ReadTimeout)
		}
		return with(client, server, d, d, 0)
	}
	quick := taking(timeout)
	// A client behind Sentinel dials under a lock, for which it waits regardless of ctx.
	within := func(ctx context.Context, do func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		done := make(chan error, 1)
		go func() { done <- do(ctx) }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	dial := func(ctx context.Context) error {
		return within(ctx, func(ctx context.Context) error {
			conn, err := own.Dialer(ctx, own.Network, own.Addr)
			if err != nil {
				away(err)
				return err
			}
			return conn.Close()
		})
	}
	ping := func(ctx context.Context) error {
		return within(ctx, func(ctx context.Context) error {
			err := quick.Ping(ctx).Err()
			if err != nil {
				away(err)
			}
			return err
		})
	}
	vet := func(ctx context.Context) error {
		return within(ctx, func(ctx context.Context) error { return master(ctx, quick) })
	}
	h := newHealth(own.PoolSize, dial, ping, vet)
	l := lane{client: quick, bulk: taking(patience * timeout), health: h, timeout: timeout}
	read := reading(gets) // the keys of one server of a cluster are in several slots
	if client == redis.UniversalClient(server) {
		read = mget
	}
	l.crowd = newCrowd(own.PoolSize, timeout, func(keys []string, found found) error {
		err := read(context.Background(), quick, keys, timeout, found)
		if hungUp(err) {
			h.doubt()
			err = read(context.Background(), quick, keys, timeout, found)
		}
		return err
	})
	return l
}

// of returns the client for n commands of so many bytes, and how long they may take altogether (0: for ever); see
// brief.
func (l *lane) of(n, bytes int) (redis.UniversalClient, time.Duration) { //nolint:ireturn // it is what it was given
	if n > fewCommands || bytes > fewBytes {
		return l.bulk, patience * l.timeout
	}
	return l.client, l.timeout
}

// get looks a key up, alone or with others, and once more if the connection turns out to be dead.
func (l *lane) get(ctx context.Context, key string) ([]byte, error) {
	if l.crowd != nil {
		defer l.crowd.leave()
		if l.crowd.enter() {
			return l.together(ctx, key)
		}
	}
	if err := l.enter(ctx); err != nil {
		return nil, err
	}
	b, err := l.alone(ctx, key)
	if err != nil && hungUp(err) {
		l.health.doubt()
		b, err = l.alone(ctx, key)
	}
	l.leave(ctx, err)
	return b, err
}

func (l *lane) alone(ctx context.Context, key string) ([]byte, error) {
	b := &brief{Context: ctx, timeout: l.timeout}
	defer b.end()
	return l.client.Get(b, key).Bytes()
}

// together looks a key up in a batch. It needs no place, for the batch has one connection. That a batch was late says
// little about the server, as it may have been large, so a PING has to find out.
func (l *lane) together(ctx context.Context, key string) ([]byte, error) {
	if err := l.health.join(ctx); err != nil {
		return nil, err
	}
	b, err := l.crowd.get(ctx, key, *l.health.away.Load())
	l.health.part(err)
	return b, err
}

// enter returns an error if the server is not to be asked. Otherwise leave is to be told how it went.
func (l *lane) enter(ctx context.Context) error {
	if l.patient {
		return l.health.wait(ctx)
	}
	return l.health.enter(ctx)
}

func (l *lane) leave(ctx context.Context, err error) {
	if !l.patient {
		l.health.leave(ctx, err)
	}
}

// exec sends a pipeline of commands. Each has an error of its own.
//
// Where the client cannot log in, since the password has changed or the server has too many clients, it does not say
// so to the commands of a pipeline, which then look as if they had succeeded. So what has neither an error nor a reply
// gets one.
func (l *lane) exec(ctx context.Context, limit time.Duration, pipe redis.Pipeliner, cmds []*redis.Cmd) {
	err := l.enter(ctx)
	if err == nil {
		err = send(ctx, limit, pipe)
		l.leave(ctx, err)
	}
	unanswered(cmds, err)
}

// unanswered gives what has neither an error nor a reply err.
func unanswered(cmds []*redis.Cmd, err error) {
	if err == nil {
		err = errUnanswered
	}
	for _, cmd := range cmds {
		if cmd.Err() == nil && cmd.Val() == nil {
			cmd.SetErr(err)
		}
	}
}

func send(ctx context.Context, limit time.Duration, pipe redis.Pipeliner) error {
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	_, err := pipe.Exec(ctx)
	return err
}

var errUnanswered = errors.New("redisstore: the client does not say what became of a command")
