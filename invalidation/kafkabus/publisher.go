package kafkabus

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/cachet-go/cachet/invalidation"
)

// Publisher publishes events to a topic. A program needs one. Its methods may be called concurrently.
type Publisher struct {
	cfg      Config
	producer *producer

	calls   door // of Publish
	closing sync.Once
	result  error // of Close
}

var _ invalidation.Publisher = (*Publisher)(nil)

// NewPublisher returns a publisher to cfg.Topic. Its error names the field that it refuses; it does not connect.
func NewPublisher(cfg Config) (*Publisher, error) {
	cfg, err := cfg.complete(publishing)
	if err != nil {
		return nil, err
	}
	return &Publisher{cfg: cfg, producer: newProducer(cfg, cfg.Topic)}, nil
}

// Publish returns nil once all in-sync replicas have events. It splits those that are too large, see
// invalidation.Event.Split. What fails is tried again until ctx ends, which should have a deadline; then the error
// tells whether any of them may have been published (ErrUnknownOutcome), and why they were not acknowledged. Events
// about one first key keep their order, also through retries, as long as the topic keeps its number of partitions.
func (p *Publisher) Publish(ctx context.Context, events ...invalidation.Event) error {
	messages, err := p.encode(ctx, events)
	if err != nil {
		return err
	}
	if !p.calls.enter() {
		return ErrClosed
	}
	defer p.calls.inside.Done()
	return p.producer.produce(ctx, messages)
}

func (p *Publisher) encode(ctx context.Context, events []invalidation.Event) ([]message, error) {
	var headers []kafka.Header
	if p.cfg.Inject != nil {
		p.cfg.Inject(ctx, func(name, value string) {
			headers = append(headers, kafka.Header{Key: name, Value: []byte(value)})
		})
	}
	messages := make([]message, 0, len(events))
	for _, e := range events {
		for _, part := range e.Split() {
			value, err := invalidation.Encode(part)
			if err != nil {
				return nil, err
			}
			messages = append(messages, message{
				topic: p.cfg.Topic, key: []byte(e.Keys[0]), value: value, headers: headers,
			})
		}
	}
	return messages, nil
}

// closeWait bounds how long Close waits for what is under way.
const closeWait = 5 * time.Second

// Close waits for what is being published, for 5 seconds at most. Calls of Publish that are still under way then return
// ErrClosed, with ErrUnknownOutcome if that is due, and Close an error that counts their messages. It returns the same
// when called again.
func (p *Publisher) Close() error {
	p.closing.Do(func() {
		idle := p.calls.close()
		select {
		case <-idle:
		case <-time.After(closeWait):
			p.result = fmt.Errorf("kafkabus: closed with %d messages in flight, or about to be", p.producer.room.used())
		}
		p.producer.close()
		<-idle
	})
	return p.result
}

// PublisherStats is a snapshot of what a Publisher has done.
type PublisherStats struct {
	Published int64 // messages acknowledged: one per event that needs no splitting
	Retries   int64 // attempts that failed
	InFlight  int   // messages accepted and not acknowledged, now
}

// Stats returns a snapshot.
func (p *Publisher) Stats() PublisherStats {
	return PublisherStats{
		Published: p.producer.published.Load(), Retries: p.producer.retries.Load(), InFlight: p.producer.room.used(),
	}
}
