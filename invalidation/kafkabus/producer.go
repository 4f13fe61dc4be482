package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
)

// producer writes messages to the partitions of their keys, with all replicas' acknowledgement. It is made of
// kafka.Client and not of kafka.Writer, which cannot say whether what has failed was written, writes what comes later
// before what it tries again, and has no bound.
type producer struct {
	network *network
	client  *kafka.Client
	ctx     context.Context //nolint:containedctx // that of the lanes, which ends with the producer
	stop    context.CancelFunc
	room    *room
	lanes   sync.WaitGroup

	retries, published atomic.Int64

	mu     sync.Mutex
	byPart map[target]*lane       // guarded by mu
	counts map[string]*partitions // guarded by mu
}

type target struct {
	topic     string
	partition int
}

// partitions are those of a topic, as they were a moment ago.
type partitions struct {
	ids []int
	at  time.Time
}

func newProducer(cfg Config, topics ...string) *producer {
	ctx, cancel := context.WithCancel(context.Background())
	p := &producer{
		network: newNetwork(cfg), ctx: ctx, stop: cancel, room: newRoom(cfg.MaxInFlight),
		byPart: make(map[target]*lane), counts: make(map[string]*partitions),
	}
	p.client = p.network.client(topics...)
	p.client.Timeout = produceTimeout
	return p
}

// produce returns nil once all messages are written, or what has become of them when ctx ends or the producer does.
func (p *producer) produce(ctx context.Context, messages []message) error {
	if len(messages) == 0 {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	unhook := context.AfterFunc(p.ctx, func() { cancel(ErrClosed) })
	defer unhook()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	parts, err := p.assign(ctx, messages)
	if err != nil {
		return err
	}
	if err := p.room.enter(ctx, len(messages)); err != nil {
		return errors.Join(ErrOverloaded, err)
	}
	c := newCall(len(messages))
	for to, list := range parts {
		items := make([]item, len(list))
		for i, m := range list {
			items[i] = item{message: m, call: c}
		}
		if !p.put(to, items) {
			for _, it := range items {
				p.drop(it)
			}
		}
	}
	select {
	case <-c.done:
		return c.result()
	case <-ctx.Done():
		return c.give(context.Cause(ctx))
	}
}

// assign finds the partition of each message. It tries until ctx ends.
func (p *producer) assign(ctx context.Context, messages []message) (map[target][]message, error) {
	parts := make(map[target][]message)
	for _, m := range messages {
		ids, err := p.partitions(ctx, m.topic)
		if err != nil {
			return nil, err
		}
		to := target{m.topic, kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: m.key}, ids...)}
		parts[to] = append(parts[to], m)
	}
	return parts, nil
}

// partitions returns the numbers of the partitions of a topic.
func (p *producer) partitions(ctx context.Context, topic string) ([]int, error) {
	for attempt := 0; ; attempt++ {
		p.mu.Lock()
		known := p.counts[topic]
		p.mu.Unlock()
		if known != nil && time.Since(known.at) < metadataTTL/2 {
			return known.ids, nil
		}
		ids, err := p.lookUp(ctx, topic)
		if err == nil {
			p.mu.Lock()
			p.counts[topic] = &partitions{ids: ids, at: time.Now()}
			p.mu.Unlock()
			return ids, nil
		}
		if classify(err) == refused {
			return nil, err
		}
		p.retries.Add(1)
		if !sleep(ctx, produceBackoff.Delay(attempt)) {
			return nil, errors.Join(context.Cause(ctx), err)
		}
	}
}

func (p *producer) lookUp(ctx context.Context, topic string) ([]int, error) {
	res, err := p.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
	if err != nil {
		return nil, err
	}
	for _, t := range res.Topics {
		if t.Name != topic {
			continue
		}
		switch {
		case t.Error != nil:
			return nil, fmt.Errorf("kafkabus: topic %s: %w", topic, t.Error)
		case len(t.Partitions) == 0:
			return nil, fmt.Errorf("kafkabus: topic %s has no partitions", topic)
		}
		ids := make([]int, len(t.Partitions))
		for i := range ids {
			ids[i] = i
		}
		return ids, nil
	}
	return nil, fmt.Errorf("kafkabus: topic %s: %w", topic, kafka.UnknownTopicOrPartition)
}

// put hands items to the lane of a partition, and reports whether it did: a producer that was closed has none.
func (p *producer) put(to target, items []item) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return false
	}
	l := p.byPart[to]
	if l == nil {
		l = &lane{producer: p, topic: to.topic, partition: to.partition, news: make(chan struct{}, 1)}
		p.byPart[to] = l
		p.lanes.Go(func() { l.run(p.ctx) })
	}
	l.put(items)
	return true
}

// drop settles a message that is not sent.
func (p *producer) drop(it item) {
	it.call.drop()
	p.room.leave(1)
}

// settled counts a message that an attempt has settled.
func (p *producer) settled(o outcome) {
	if o == written {
		p.published.Add(1)
	}
	p.room.leave(1)
}

// close ends what is under way.
func (p *producer) close() {
	p.mu.Lock()
	p.stop()
	p.mu.Unlock()
	p.network.sever()
	p.lanes.Wait()
}
