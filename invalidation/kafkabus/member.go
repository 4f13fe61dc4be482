package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/cachet-go/cachet/internal/backoff"
	"github.com/cachet-go/cachet/invalidation"
)

// member is one Subscribe: a member of the group, or somebody who waits for a topic in order to become one.
type member struct {
	sub     *Subscriber
	handle  invalidation.Handler
	network *network
	client  *kafka.Client
}

func newMember(s *Subscriber, handle invalidation.Handler) *member {
	n := newNetwork(s.cfg)
	return &member{sub: s, handle: handle, network: n, client: n.client(s.cfg.sources()...)}
}

// short is how long a generation lasts at least, or the member pauses: what ends it at once would do so again.
const short = time.Second

var rejoin = backoff.Policy{First: 100 * time.Millisecond, Most: 5 * time.Second}

// run consumes until ctx ends.
func (m *member) run(ctx context.Context) {
	defer m.network.sever()
	for ctx.Err() == nil {
		if topics := m.await(ctx); len(topics) > 0 {
			m.join(ctx, topics)
		}
	}
}

// await returns which of the topics exist, as soon as one does. A member must not join with one that does not exist:
// the group's leader would be told that none has partitions, and might create it.
func (m *member) await(ctx context.Context) []string {
	for ctx.Err() == nil {
		counts, err := m.partitions(ctx)
		if len(counts) > 0 {
			return existing(m.sub.cfg.sources(), counts)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = fmt.Errorf("none of %v exists", m.sub.cfg.sources())
		}
		m.sub.reporter.report(ctx, "waiting for a topic", err)
		sleep(ctx, min(m.sub.timing.watch, metadataTTL/4))
	}
	return nil
}

func existing(topics []string, counts map[string]int) []string {
	return slices.DeleteFunc(slices.Clone(topics), func(t string) bool { return counts[t] == 0 })
}

// partitions returns how many partitions each of the topics has that exist, as the client knows it.
func (m *member) partitions(ctx context.Context) (map[string]int, error) {
	ctx, cancel := context.WithTimeout(ctx, m.sub.timing.answer)
	defer cancel()
	res, err := m.client.Metadata(ctx, &kafka.MetadataRequest{Topics: m.sub.cfg.sources()})
	if err != nil {
		return nil, err
	}
	counts := make(map[string]int)
	for _, t := range res.Topics {
		if t.Error == nil && len(t.Partitions) > 0 {
			counts[t.Name] = len(t.Partitions)
			continue
		}
		if t.Error != nil && !errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
			err = fmt.Errorf("topic %s: %w", t.Name, t.Error)
		}
	}
	return counts, err
}

// join is a member of the group with these topics, until ctx ends or others exist.
func (m *member) join(ctx context.Context, topics []string) {
	b := new(balancer)
	n := newNetwork(m.sub.cfg)
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: m.sub.cfg.Group, Brokers: m.sub.cfg.Brokers, Dialer: n.dialer(), Topics: topics,
		GroupBalancers:    []kafka.GroupBalancer{b},
		SessionTimeout:    m.sub.cfg.Session,
		HeartbeatInterval: min(m.sub.cfg.Session/5, 2*time.Second),
		RebalanceTimeout:  rebalance,
		JoinGroupBackoff:  time.Second,
		StartOffset:       kafka.FirstOffset,
		// It would look for topics by itself, and in a loop without a pause if one goes.
		WatchPartitionChanges: false,
	})
	if err != nil {
		m.sub.reporter.report(ctx, "joining the group", err) // a bound of kafka-go's, which Config does not know
		sleep(ctx, reportEvery)
		return
	}
	// The group ends its generation when it is closed, and waits for it; then it leaves.
	left := make(chan struct{})
	leave := sync.OnceFunc(func() {
		go func() {
			defer close(left)
			_ = group.Close() // always nil
		}()
	})
	unhook := context.AfterFunc(ctx, leave)
	defer unhook()
	m.generations(ctx, n, group, b, topics)
	leave()
	select {
	case <-left:
	case <-time.After(m.sub.timing.leave):
	}
	n.sever()
	<-left
}

// generations consumes what is assigned to the member, until ctx ends or there are other topics.
func (m *member) generations(
	ctx context.Context, n *network, group *kafka.ConsumerGroup, b *balancer, topics []string,
) {
	for attempt := 0; ctx.Err() == nil; {
		gen, err := group.Next(ctx)
		if err != nil {
			if ctx.Err() == nil {
				m.sub.reporter.report(ctx, "joining the group", err)
			}
			continue // kafka-go pauses
		}
		m.sub.counters.rebalances.Add(1)
		g := newGeneration(ctx, m, n, gen, b.take(), topics)
		began := time.Now()
		g.run()
		if g.otherTopics() {
			return
		}
		if time.Since(began) > short {
			attempt = 0
			continue
		}
		sleep(ctx, rejoin.Delay(attempt))
		attempt++
	}
}

// sleep waits for d, or until ctx ends, and reports whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}
