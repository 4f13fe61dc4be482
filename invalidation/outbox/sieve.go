package outbox

import (
	"context"
	"time"
)

// sieve publishes rows in ever smaller parts, in order, to find those that the publisher refuses while it takes others.
type sieve struct {
	*relay
	refused  []refusal
	hopeless int // of those refused, those that always will be
	failed   int // of those refused, the others
	taken    bool
}

const (
	// sieveTimeout bounds one call of the publisher. All have publishTimeout together.
	sieveTimeout = time.Second
	// sieveMost bounds the events that fail before one is taken.
	sieveMost = 32
)

func (s *sieve) run(ctx context.Context, rows []row) {
	s.failed, s.taken = 0, false
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	s.sift(ctx, rows)
}

func (s *sieve) sift(ctx context.Context, rows []row) {
	if ctx.Err() != nil || !s.taken && s.failed >= sieveMost {
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
		} else {
			s.failed++
		}
	}
}
