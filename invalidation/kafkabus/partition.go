package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/cachet-go/cachet/internal/backoff"
)

// partition consumes one partition in one generation. Nothing of it outlives the generation.
type partition struct {
	gen      *generation
	sub      *Subscriber
	at       target
	position int64 // the next offset to handle; negative: the first there is
	many     int   // messages of the last batch
	place    *place
}

func newPartition(g *generation, at target, position int64) *partition {
	return &partition{gen: g, sub: g.member.sub, at: at, position: position}
}

var refetch = backoff.Policy{First: 50 * time.Millisecond, Most: 2 * time.Second}

// run fetches and handles in turn until the generation ends. It ends the generation itself if the broker has not
// answered for too long.
func (p *partition) run() {
	ctx := p.gen.fetching
	p.place = p.sub.counters.assign(p.at)
	defer p.sub.counters.revoke(p.at, p.place)
	answered := time.Now()
	for failed := 0; ctx.Err() == nil; {
		b, err := p.fetch(ctx)
		if over(ctx) {
			return
		}
		if err != nil {
			p.sub.counters.fetchErrors.Add(1)
			p.sub.reporter.report(ctx, fmt.Sprintf("fetching from %s/%d", p.at.topic, p.at.partition), err)
			if time.Since(answered) > p.sub.timing.dog {
				return
			}
			sleep(ctx, refetch.Delay(failed))
			failed++
			continue
		}
		failed = 0
		if !p.deliver(b) {
			return
		}
		answered = time.Now()
	}
}

// over reports whether ctx has ended. A connection that has its deadline may say so a moment earlier.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(end)
}

// fetch waits for messages at the position, for a while. The batch has none if there were none. A position that the
// log does not have is a gap, and it returns none from the position after that.
func (p *partition) fetch(ctx context.Context) (batch, error) {
	if p.position < 0 {
		first, _, err := p.bounds(ctx)
		if err != nil {
			return batch{}, err
		}
		p.position = first
		p.gen.handled(p.at, first) // else a log that is truncated before anything was handled would be no gap
	}
	ctx, cancel := context.WithTimeout(ctx, p.sub.timing.maxWait+p.sub.timing.answer)
	defer cancel()
	res, err := p.gen.member.client.Fetch(ctx, &kafka.FetchRequest{
		Topic: p.at.topic, Partition: p.at.partition, Offset: p.position,
		MinBytes: 1, MaxBytes: p.sub.timing.maxBytes, MaxWait: p.sub.timing.maxWait,
	})
	switch {
	case err != nil:
		return batch{}, err
	case errors.Is(res.Error, kafka.OffsetOutOfRange):
		return p.skip(ctx)
	case res.Error != nil:
		return batch{}, res.Error
	}
	b, err := read(p.at.topic, p.position, res.Records, p.many)
	if err != nil {
		return b, err
	}
	p.many = len(b.messages)
	p.place.fetched.Store(time.Now().UnixNano())
	p.place.position.Store(p.position)
	p.place.lag.Store(max(res.HighWatermark-p.position, 0))
	p.place.oldest.Store(0)
	if at := b.oldest(); !at.IsZero() {
		p.place.oldest.Store(at.UnixNano())
	}
	return b, nil
}

// skip reports a gap and returns where to go on.
func (p *partition) skip(ctx context.Context) (batch, error) {
	first, last, err := p.bounds(ctx)
	switch {
	case err != nil:
		return batch{}, err
	case first <= p.position && p.position <= last:
		return batch{}, kafka.OffsetOutOfRange // it is in range by now: a leader that was behind
	}
	gap := Gap{Topic: p.at.topic, Partition: p.at.partition, From: p.position, To: first}
	p.sub.counters.gaps.Add(1)
	if p.sub.cfg.OnGap != nil {
		p.sub.cfg.OnGap(gap)
	} else {
		p.sub.cfg.Error(p.gen.handling, fmt.Errorf("kafkabus: gap: %v", gap))
	}
	return batch{next: first}, nil
}

func (p *partition) bounds(ctx context.Context) (first, end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.sub.timing.answer)
	defer cancel()
	return bounds(ctx, p.gen.member.client, p.at)
}

// bounds returns the first offset of the log of a partition, and the one after its last.
func bounds(ctx context.Context, client *kafka.Client, of target) (first, end int64, err error) {
	res, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{
			of.topic: {kafka.FirstOffsetOf(of.partition), kafka.LastOffsetOf(of.partition)},
		},
	})
	if err != nil {
		return 0, 0, err
	}
	for _, o := range res.Topics[of.topic] {
		if o.Partition == of.partition {
			return o.FirstOffset, o.LastOffset, o.Error
		}
	}
	return 0, 0, kafka.UnknownTopicOrPartition
}
