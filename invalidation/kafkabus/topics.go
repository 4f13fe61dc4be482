package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/cachet-go/cachet/internal/backoff"
)

// Layout says how EnsureTopics makes topics. The zero value is usable.
type Layout struct {
	Partitions int // of Config.Topic, and so how many processes can share the work; 0: 6
	// Replicas of each partition. With 3 or more, a write needs two of them. 0: the broker's default
	Replicas int
	// Retention of Config.Topic: longer than the store or all subscribers may be out of order. 0: 24h
	Retention time.Duration
	// DeadRetention is that of the dead letters: longer than it takes somebody to look at them. 0: 14 days
	DeadRetention time.Duration
}

// EnsureTopics makes cfg.Topic, if it is not empty, and the topic of the dead letters, where they do not exist; what
// exists it leaves as it is. It needs Brokers, Topic or Topics, the Group where there is no Topic, and permission. It
// tries until ctx ends.
func EnsureTopics(ctx context.Context, cfg Config, layout Layout) error {
	cfg, err := cfg.complete(administering)
	if err != nil {
		return err
	}
	if layout.Partitions < 0 || layout.Replicas < 0 || layout.Retention < 0 || layout.DeadRetention < 0 {
		return errors.New("kafkabus: Layout has a negative field")
	}
	if layout.Partitions == 0 {
		layout.Partitions = 6
	}
	if layout.Retention == 0 {
		layout.Retention = 24 * time.Hour
	}
	if layout.DeadRetention == 0 {
		layout.DeadRetention = 14 * 24 * time.Hour
	}
	n := newNetwork(cfg)
	defer n.sever()
	names := []string{cfg.DeadLetters}
	topics := []kafka.TopicConfig{layout.topic(cfg.DeadLetters, 1, layout.DeadRetention)}
	if cfg.Topic != "" { // those of others, as Debezium's, are theirs to make
		names = append(names, cfg.Topic)
		topics = append(topics, layout.topic(cfg.Topic, layout.Partitions, layout.Retention))
	}
	client := n.client(names...)
	for attempt := 0; ; attempt++ {
		err := create(ctx, client, topics)
		if err == nil || classify(err) == refused {
			return err
		}
		if !sleep(ctx, backoff.Policy{First: 100 * time.Millisecond, Most: 2 * time.Second}.Delay(attempt)) {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

func (l Layout) topic(name string, partitions int, retention time.Duration) kafka.TopicConfig {
	replicas := l.Replicas
	entries := []kafka.ConfigEntry{
		{ConfigName: "cleanup.policy", ConfigValue: "delete"},
		{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(retention.Milliseconds(), 10)},
	}
	if replicas == 0 {
		replicas = -1
	}
	if replicas >= 3 {
		entries = append(entries, kafka.ConfigEntry{ConfigName: "min.insync.replicas", ConfigValue: "2"})
	}
	return kafka.TopicConfig{
		Topic: name, NumPartitions: partitions, ReplicationFactor: replicas, ConfigEntries: entries,
	}
}

// createTimeout bounds an attempt, and the wait for the brokers to tell one another.
const createTimeout = 10 * time.Second

func create(ctx context.Context, client *kafka.Client, topics []kafka.TopicConfig) error {
	ctx, cancel := context.WithTimeout(ctx, createTimeout)
	defer cancel()
	res, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: topics})
	if err != nil {
		return fmt.Errorf("kafkabus: %w", err)
	}
	for topic, err := range res.Errors {
		if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			return fmt.Errorf("kafkabus: topic %s: %w", topic, err)
		}
	}
	return nil
}
