package outbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
	"github.com/cachet-go/cachet/invalidation"
)

// parking is how long an event is set aside after so many attempts. One that is refused because of a partition without
// a leader is to come soon, one that is too large need not come often.
var parking = backoff.Policy{First: 2 * time.Second, Most: 10 * time.Minute}

// stubborn is after how many failures the relay looks for events that alone are to blame. After one that took all of
// its time it does so at once.
const stubborn = 3

// pass publishes what is due. It reports whether there was anything, and whether there is likely to be more.
func (r *relay) pass(ctx context.Context, l *leader) (found, full bool, err error) {
	if err := r.settle(ctx, l); err != nil {
		return false, false, err
	}
	c, err := r.claim(ctx, l)
	if err == nil && l.lease != nil && c.found() {
		var fresh bool
		if fresh, err = l.lease(ctx); err == nil && fresh {
			c, err = r.claim(ctx, l)
		}
	}
	if err != nil {
		return false, false, err
	}
	refused, err := r.publish(ctx, c)
	if serr := r.settle(ctx, l); err == nil {
		err = serr
	}
	if perr := r.park(ctx, l, append(c.bad, refused...)); err == nil {
		err = perr
	}
	return c.found(), c.full, err
}

// publish publishes what was claimed, all at once if it can. What is refused is to be parked. With an error, the
// publisher is to blame.
func (r *relay) publish(ctx context.Context, c claimed) (refused []refusal, err error) {
	suspect := c.suspect
	known := len(c.fresh) == 0 // of each suspect that it was refused before
	if !known && r.failures < stubborn {
		call, cancel := context.WithTimeout(ctx, publishTimeout)
		defer cancel()
		err = r.send(call, c.fresh...)
		if err != nil && !hopeless(err) && call.Err() == nil {
			return nil, err
		}
		known = err == nil
	}
	if known {
		r.take(c.fresh)
		r.failures = 0
	} else {
		suspect = append(c.fresh, suspect...)
	}
	if len(suspect) == 0 {
		return nil, nil
	}
	s := r.sift(ctx, suspect)
	r.take(s.taken)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case known:
		return s.refused, nil
	case len(s.taken) == len(suspect):
		r.failures = 0
	}
	return s.verdict()
}

// send publishes rows.
func (r *relay) send(ctx context.Context, rows ...row) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalidation.Panicked(p)
		}
		if err != nil {
			r.failed.Add(1)
		}
	}()
	events := make([]invalidation.Event, len(rows))
	for i, next := range rows {
		events[i] = next.event
	}
	if err := r.publisher.Publish(ctx, events...); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// take notes rows that are published.
func (r *relay) take(rows []row) {
	r.published.Add(int64(len(rows)))
	for _, next := range rows {
		r.done = append(r.done, next.seq)
	}
	slices.Sort(r.done)
}

// settle deletes what is published, also if ctx has ended.
func (r *relay) settle(ctx context.Context, l *leader) error {
	if len(r.done) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
	defer cancel()
	if err := r.grammar.remove(ctx, l, r.done); err != nil {
		return fmt.Errorf("delete of %d published events: %w", len(r.done), err)
	}
	r.done = r.done[:0]
	return nil
}

func (r *relay) park(ctx context.Context, l *leader, refused []refusal) error {
	if len(refused) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	for i, next := range refused {
		delay := parking.Delay(next.attempts)
		if _, err := l.ExecContext(ctx, r.grammar.park, delay.Seconds(), next.seq); err != nil {
			return fmt.Errorf("parking of %d events: %w", len(refused)-i, err)
		}
		r.parked.Add(1)
	}
	r.report(ctx, fmt.Errorf("outbox: %d events are parked, as that at seq %d: %w",
		len(refused), refused[0].seq, refused[0].err))
	return nil
}

// hopeless reports whether an event that was refused for err will always be.
func hopeless(err error) bool {
	return errors.Is(err, invalidation.ErrTooLarge) || errors.Is(err, invalidation.ErrMalformed) ||
		errors.Is(err, invalidation.ErrUnsupported)
}
