package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
	"github.com/cachet-go/cachet/invalidation"
)

var redeliver = backoff.Policy{First: 20 * time.Millisecond, Most: 2 * time.Second}

// deliver handles a batch, to the end: it reports whether all of it has been applied or is among the dead letters. If
// not, the generation is over.
func (p *partition) deliver(b batch) bool {
	if len(b.messages) > 0 {
		p.place.handling.Store(time.Now().UnixNano())
		defer p.place.handling.Store(0)
		d := decode(b, p.sub.cfg.Decoder)
		if !p.handle(b, &d) || !p.bury(b, d) {
			return false
		}
		p.count(b, d)
	}
	if b.next == p.position {
		return true
	}
	p.position = b.next
	p.place.position.Store(b.next)
	p.gen.handled(p.at, b.next)
	return true
}

func (p *partition) count(b batch, d decoded) {
	p.sub.counters.messages.Add(int64(len(b.messages)))
	p.sub.counters.events.Add(int64(len(d.events)))
	for _, m := range b.messages {
		if m.Value == nil {
			p.sub.counters.tombstones.Add(1)
		}
	}
	p.place.lag.Add(-int64(len(b.messages))) // until the next fetch says better
	p.place.oldest.Store(0)
}

// handle calls the handler until it has applied the events, or refused them, or the generation is over.
func (p *partition) handle(b batch, d *decoded) bool {
	if len(d.events) == 0 {
		return true
	}
	ctx := p.gen.handling
	if p.sub.cfg.Extract != nil {
		ctx = p.sub.cfg.Extract(ctx, b.messages)
	}
	for attempt := 0; ; attempt++ {
		err := p.gen.member.handle(ctx, d.events)
		refused, refusal := errors.AsType[*invalidation.RefusedError](err)
		switch {
		case err == nil:
			return true
		case refusal:
			d.refuse(refused)
			return true
		case p.gen.fetching.Err() != nil:
			return false
		}
		p.sub.counters.redeliveries.Add(1)
		p.sub.reporter.report(ctx, fmt.Sprintf("handling events of %s/%d", p.at.topic, p.at.partition), err)
		if !sleep(p.gen.fetching, redeliver.Delay(attempt)) {
			return false
		}
	}
}

// bury writes to the dead letters what could not be decoded or was refused, until that has succeeded or the generation
// is over.
func (p *partition) bury(b batch, d decoded) bool {
	failed := slices.Sorted(maps.Keys(d.failed))
	if len(failed) == 0 {
		return true
	}
	letters := make([]message, len(failed))
	reasons := make([]Reason, len(failed))
	for n, i := range failed {
		otherwise := Undecodable
		if slices.Contains(d.owner, i) {
			otherwise = Refused
		}
		reasons[n] = reason(d.failed[i], otherwise)
		at := position{target: p.at, offset: b.offsets[i]}
		letters[n] = p.sub.letter(b.messages[i], at, reasons[n], d.failed[i])
	}
	// Not all at once: what does not fit into the time of one attempt would be tried from the beginning, for ever.
	for some := range slices.Chunk(letters, batchMessages) {
		if !p.write(some) {
			return false
		}
	}
	for n, i := range failed {
		p.sub.counters.dead(reasons[n])
		p.sub.reporter.report(p.gen.handling, "a message goes to the dead letters: "+string(reasons[n]),
			fmt.Errorf("%s/%d, offset %d: %w", p.at.topic, p.at.partition, b.offsets[i], d.failed[i]))
	}
	return true
}

func (p *partition) write(letters []message) bool {
	for attempt := 0; ; attempt++ {
		ctx, cancel := context.WithTimeout(p.gen.handling, p.sub.timing.letter)
		err := p.sub.deadLetters().produce(ctx, letters)
		cancel()
		if err == nil {
			return true
		}
		if classify(err) == tooLarge {
			switch {
			case len(letters) > 1:
				return !slices.ContainsFunc(letters, func(l message) bool { return !p.write([]message{l}) })
			case letters[0].cuts < mostCuts:
				letters = []message{cut(letters[0])}
				continue
			}
		}
		p.sub.reporter.report(p.gen.handling, "writing to the dead letters, without which nothing goes on", err)
		if p.gen.fetching.Err() != nil {
			return false
		}
		sleep(p.gen.fetching, redeliver.Delay(attempt))
	}
}
