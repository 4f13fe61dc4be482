package outbox

import (
	"context"
	"errors"
	"time"
)

// sieve publishes rows in ever smaller parts, in order, to find those that the publisher refuses while it takes others.
type sieve struct {
	*relay
	refused  []refusal
	hopeless int // of those refused, those that always will be
	taken    bool
	held     map[string]error // first key → why an event about it was refused that may be taken later
}

const (
	// sieveTimeout bounds one call of the publisher. All have publishTimeout together.
	sieveTimeout = time.Second
	// sieveMost bounds the events that are refused before one is taken.
	sieveMost = 32
)

func (s *sieve) run(ctx context.Context, rows []row) {
	s.held = make(map[string]error)
	s.taken = false
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	s.sift(ctx, rows)
}

func (s *sieve) sift(ctx context.Context, rows []row) {
	rows = s.hold(rows)
	if len(rows) == 0 || ctx.Err() != nil || !s.taken && len(s.held) >= sieveMost {
		return
	}
	err := s.send(ctx, sieveTimeout, rows)
	switch {
	case err == nil:
		s.taken = true
	case ctx.Err() != nil: // that it was not taken says nothing
	case len(rows) > 1:
		half := len(rows) / 2
		s.sift(ctx, rows[:half])
		s.sift(ctx, rows[half:])
	default:
		s.refused = append(s.refused, refusal{rows[0], err})
		if hopeless(err) {
			s.hopeless++
			return
		}
		s.held[rows[0].event.Keys[0]] = err
	}
}

var errBehind = errors.New("outbox: behind another event about its key")

// hold sets aside what must not overtake an event that was refused.
func (s *sieve) hold(rows []row) []row {
	if len(s.held) == 0 {
		return rows
	}
	var rest []row
	for _, next := range rows {
		if err, held := s.held[next.event.Keys[0]]; held {
			s.refused = append(s.refused, refusal{next, errors.Join(errBehind, err)})
			continue
		}
		rest = append(rest, next)
	}
	return rest
}
