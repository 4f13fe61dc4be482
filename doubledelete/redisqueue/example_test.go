package redisqueue_test

import (
	"context"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/doubledelete/redisqueue"
	"github.com/cachet-go/cachet/store/redisstore"
)

// The schedule is in a Redis that keeps what it is told, the cache in one that need not.
func Example() {
	records := redis.NewClient(&redis.Options{Addr: "cache:6379"})
	schedule := redis.NewClient(&redis.Options{Addr: "durable:6379"})

	st := redisstore.New(records, redisstore.Options{})
	queue := redisqueue.New(schedule, st, redisqueue.Options{})
	cache := cachet.Must(cachet.New(st, cachet.Config[int64, string]{
		Name:     "product",
		Load:     func(context.Context, int64) (string, error) { return "chair", nil },
		Strategy: doubledelete.New(doubledelete.Options{Delay: 500 * time.Millisecond, Scheduler: queue}),
	}))
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		// The cache first, which may still have something to schedule.
		for _, end := range []func() error{cache.Close, func() error { return queue.Close(ctx) }, st.Close} {
			if err := end(); err != nil {
				slog.ErrorContext(ctx, "closing", "error", err)
			}
		}
	}()
	// ...
}
