package redisqueue

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/internal/backoff"
	"github.com/cachet-go/cachet/store"
)

// Options configures a Queue. The zero value is usable.
type Options struct {
	// Name sets the schedule apart from others in the same Redis. All processes that use one must delete from the same
	// store. "": default
	Name string
	// Error is told, once per outage, that deletes cannot be claimed or made and are repeated. nil: slog.Default, at
	// level Warn
	Error func(context.Context, error)
}

// Queue is a doubledelete.Scheduler. Its methods may be called concurrently.
type Queue struct {
	client redis.UniversalClient
	inv    store.Invalidator
	report func(context.Context, error)
	shards [shards]shard
	space  backoff.Policy

	workers sync.WaitGroup
	once    sync.Once
	closing chan struct{}
	stop    context.CancelFunc // ends what workers have under way
}

var _ doubledelete.Scheduler = (*Queue)(nil)

const (
	// shards is how many parts the schedule has, which a Cluster spreads. All processes must agree in it: what is
	// scheduled in a part that nobody works on is not made.
	shards = 8
	// poll is the longest time between two looks at a shard. What is due is seen sooner, if it was scheduled before the
	// last look.
	poll = 500 * time.Millisecond
	// breath is the shortest time between two looks that find less than a full batch, so that deletes come in batches.
	breath = 10 * time.Millisecond
	// claimTerm is how long a claim stands without a word of its holder.
	claimTerm = 300 * time.Millisecond
	// batch bounds the keys of one script and of one call of the store.
	batch = 500
	// timeout bounds each call of Redis and of the store.
	timeout = 5 * time.Second
)

// shard has the names of its two sorted sets in Redis. Their common hash tag keeps them on one server of a Cluster.
type shard struct {
	due     string // key → when it is due
	claimed string // key → when its claim lapses
}

// New returns a Queue on client that makes the deletes in inv, usually the store of the caches. It begins at once, also
// with what other processes have scheduled. Close it; client and inv stay the caller's.
func New(client redis.UniversalClient, inv store.Invalidator, opts Options) *Queue {
	if opts.Name == "" {
		opts.Name = "default"
	}
	if opts.Error == nil {
		opts.Error = func(ctx context.Context, err error) {
			slog.Default().WarnContext(ctx, "cachet", slog.Any("error", err))
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	q := &Queue{
		client:  client,
		inv:     inv,
		report:  opts.Error,
		space:   backoff.Policy{First: 50 * time.Millisecond, Most: time.Second},
		closing: make(chan struct{}),
		stop:    stop,
	}
	for i := range q.shards {
		tag := "cachet:delayed:{" + strconv.Itoa(i) + ":" + opts.Name + "}:"
		q.shards[i] = shard{due: tag + "due", claimed: tag + "claimed"}
		w := &worker{Queue: q, shard: q.shards[i]}
		q.workers.Go(func() { w.work(ctx) })
	}
	return q
}

// Pending returns how many deletes are scheduled, by all processes, including those that are being made.
func (q *Queue) Pending(ctx context.Context) (int64, error) {
	pipe := q.client.Pipeline()
	counts := make([]*redis.IntCmd, 0, 2*shards)
	for _, s := range q.shards {
		counts = append(counts, pipe.ZCard(ctx, s.due), pipe.ZCard(ctx, s.claimed))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return 0, fmt.Errorf("redisqueue: %w", err)
	}
	var n int64
	for _, count := range counts {
		n += count.Val()
	}
	return n, nil
}

// Close ends the work of this process. It waits for the deletes that it is making until ctx ends, and says so if it
// leaves some: their claims lapse. What is scheduled stays so, for other processes and for the next start. Schedule
// still works. A second Close does the same.
func (q *Queue) Close(ctx context.Context) error {
	q.once.Do(func() { close(q.closing) })
	idle := make(chan struct{})
	go func() {
		q.workers.Wait()
		close(idle)
	}()
	defer q.stop()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("redisqueue: closed with deletes under way: %w", context.Cause(ctx))
	}
}
