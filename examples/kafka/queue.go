package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

// queue is a topic on a Kafka, both for this run only.
type queue struct {
	cfg      kafkabus.Config
	embedded *kfake.Cluster // nil: the Kafka is somebody's
}

// openQueue makes the topic name on brokers, or on a broker within this process if there are none. That one speaks the
// protocol of Kafka over TCP and keeps everything in memory: it is for tests and examples.
func openQueue(ctx context.Context, brokers, name string) (*queue, error) {
	q := &queue{}
	addrs := strings.Split(brokers, ",")
	if brokers == "" {
		var err error
		if q.embedded, err = kfake.NewCluster(kfake.NumBrokers(1)); err != nil {
			return nil, fmt.Errorf("embedded Kafka: %w", err)
		}
		addrs = q.embedded.ListenAddrs()
	}
	q.cfg = kafkabus.Config{Brokers: addrs, Topic: name, Group: name}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := kafkabus.EnsureTopics(ctx, q.cfg, kafkabus.Layout{Partitions: 3}); err != nil {
		if q.embedded != nil {
			q.embedded.Close()
		}
		return nil, fmt.Errorf("no Kafka at %v: %w", addrs, err)
	}
	return q, nil
}

// close leaves a Kafka as it was found.
func (q *queue) close() error {
	if q.embedded != nil {
		q.embedded.Close()
		return nil
	}
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(q.cfg.Brokers...), Timeout: 10 * time.Second, Transport: transport}
	topics, err := client.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{
		Topics: []string{q.cfg.Topic, q.cfg.Topic + ".dlt"},
	})
	if err != nil {
		return err
	}
	errs := []error{topics.Errors[q.cfg.Topic], topics.Errors[q.cfg.Topic+".dlt"]}
	groups, err := client.DeleteGroups(context.Background(), &kafka.DeleteGroupsRequest{GroupIDs: []string{q.cfg.Group}})
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, groups.Errors[q.cfg.Group])...)
}
