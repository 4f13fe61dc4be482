package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/cachet-go/cachet/invalidation"
)

// Replay publishes dead letters again, each to the topic where its message was, once whatever was wrong has been put
// right. It takes those that are there when it is called and that it has not looked at before, and asks want which to
// publish (nil: all); the others it passes over, for good, as it does those without their value (HeaderCut). It returns
// how many it has published. It needs Brokers, Group, and the topics of the subscriber.
//
// What it has looked at it notes after each batch, as the committed offsets of Group + ".replay": a call that fails
// goes on where it was, and may publish some letters twice. Set those offsets back to look again. Two calls at once
// publish everything twice.
func Replay(ctx context.Context, cfg Config, want func(invalidation.Message) bool) (published int, err error) {
	cfg, err = cfg.complete(subscribing)
	if err != nil {
		return 0, err
	}
	n := newNetwork(cfg)
	defer n.sever()
	p := newProducer(cfg, append([]string{cfg.DeadLetters}, cfg.sources()...)...)
	defer p.close()
	r := &replay{
		cfg: cfg, client: n.client(cfg.DeadLetters), producer: p, want: want, group: cfg.Group + ".replay",
	}
	ids, err := p.partitions(ctx, cfg.DeadLetters)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		if err := r.partition(ctx, id); err != nil {
			return r.published, fmt.Errorf("kafkabus: replay of %s/%d: %w", cfg.DeadLetters, id, err)
		}
	}
	return r.published, nil
}

type replay struct {
	cfg       Config
	client    *kafka.Client
	producer  *producer
	want      func(invalidation.Message) bool
	group     string
	published int
}

// partition replays what a partition has between what was looked at before and its end.
func (r *replay) partition(ctx context.Context, id int) error {
	at, end, err := r.bounds(ctx, id)
	for err == nil && at < end {
		at, err = r.batch(ctx, id, at, end)
	}
	return err
}

func (r *replay) batch(ctx context.Context, id int, at, end int64) (next int64, err error) {
	res, err := r.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: r.cfg.DeadLetters, Partition: id, Offset: at, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second,
	})
	switch {
	case err != nil:
		return at, err
	case res.Error != nil:
		return at, res.Error
	}
	b, err := read(r.cfg.DeadLetters, at, res.Records, 0)
	if err != nil {
		return at, err
	}
	var messages []message
	for i, m := range b.messages {
		if b.offsets[i] >= end {
			break // came since, perhaps of what was replayed
		}
		topic, ok := m.Header(HeaderTopic)
		if _, cut := m.Header(HeaderCut); !ok || cut || r.want != nil && !r.want(m) {
			continue
		}
		if !slices.Contains(r.cfg.sources(), string(topic)) {
			return at, fmt.Errorf("offset %d is of topic %q, which Config does not name", b.offsets[i], topic)
		}
		messages = append(messages, original(string(topic), m))
	}
	if err := r.producer.produce(ctx, messages); err != nil {
		return at, err
	}
	r.published += len(messages)
	return b.next, r.commit(ctx, id, b.next)
}

// original returns the message as it was.
func original(topic string, m invalidation.Message) message {
	return message{topic: topic, key: m.Key, value: m.Value, headers: own(m)}
}

// bounds returns where to begin and to end.
func (r *replay) bounds(ctx context.Context, id int) (at, end int64, err error) {
	at, end, err = bounds(ctx, r.client, target{r.cfg.DeadLetters, id})
	if err != nil {
		return 0, 0, err
	}
	err = r.patiently(ctx, func() error {
		res, err := r.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
			GroupID: r.group, Topics: map[string][]int{r.cfg.DeadLetters: {id}},
		})
		if err != nil {
			return err
		}
		for _, o := range res.Topics[r.cfg.DeadLetters] {
			at = max(at, o.CommittedOffset)
			res.Error = errors.Join(res.Error, o.Error)
		}
		return res.Error
	})
	return at, end, err
}

func (r *replay) commit(ctx context.Context, id int, offset int64) error {
	return r.patiently(ctx, func() error {
		res, err := r.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
			GroupID: r.group, GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{r.cfg.DeadLetters: {{Partition: id, Offset: offset}}},
		})
		if err != nil {
			return err
		}
		for _, o := range res.Topics[r.cfg.DeadLetters] {
			err = errors.Join(err, o.Error)
		}
		return err
	})
}

// patiently calls f until it succeeds, ten times: the coordinator of a group may be on its way.
func (r *replay) patiently(ctx context.Context, f func() error) error {
	for attempt := 0; ; attempt++ {
		err := f()
		if err == nil || attempt == 10 || ctx.Err() != nil {
			return err
		}
		sleep(ctx, produceBackoff.Delay(attempt))
	}
}
