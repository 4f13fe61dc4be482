package kafkabus_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
	"github.com/cachet-go/cachet/store"
)

// One configuration serves who writes and who works, in whatever processes they are.
func config() kafkabus.Config {
	return kafkabus.Config{
		Brokers: []string{"kafka-1:9092", "kafka-2:9092"},
		Topic:   "cache.invalidation",
		Group:   "cache-worker-eu", // one per store that is to be kept true
		TLS:     &tls.Config{MinVersion: tls.VersionTLS12},
	}
}

// A worker deletes from a store what events name. Start as many as the topic has partitions, at most.
func ExampleSubscriber() {
	work := func(ctx context.Context, st store.Store) error {
		cfg := config()
		cfg.OnGap = func(gap kafkabus.Gap) { // the log no longer has these: whatever is cached may be stale
			slog.ErrorContext(ctx, "invalidations lost", "gap", gap)
			if c, ok := st.(store.Clearer); ok {
				_ = c.Clear(ctx, invalidation.Prefix("price"))
			}
		}
		if err := kafkabus.EnsureTopics(ctx, cfg, kafkabus.Layout{Partitions: 6, Replicas: 3}); err != nil {
			return err
		}
		sub, err := kafkabus.NewSubscriber(cfg)
		if err != nil {
			return err
		}
		defer sub.Close()
		return invalidation.Apply(ctx, sub, st, invalidation.Options{}) // until ctx ends
	}
	_ = work
}

// A service that writes, and has no cache of its own, says which record of whose cache has changed. An outbox publishes
// with the same Publisher, and loses nothing if the process dies between the commit and here.
func ExamplePublisher() {
	pub, err := kafkabus.NewPublisher(config()) // one for the program
	if err != nil {
		panic(err)
	}
	defer pub.Close()
	changed := func(ctx context.Context, id string) error {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		return pub.Publish(ctx, invalidation.NewEvent("pricing", invalidation.Key("price", id)))
	}
	_ = changed
}

// Once a worker that did not know an operation has been replaced, what it put among the dead letters is published again.
func ExampleReplay() {
	replay := func(ctx context.Context) (int, error) {
		return kafkabus.Replay(ctx, config(), func(letter invalidation.Message) bool {
			reason, _ := letter.Header(kafkabus.HeaderReason)
			return kafkabus.Reason(reason) == kafkabus.Unsupported
		})
	}
	_ = replay
}
