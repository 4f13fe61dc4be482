package outbox

import (
	"context"
	"math"

	"github.com/cachet-go/cachet/invalidation"
)

// row is an event that waits.
type row struct {
	seq      int64
	attempts int
	event    invalidation.Event
}

// refusal is an event to be parked.
type refusal struct {
	row
	err error
}

// claimed is what is due.
type claimed struct {
	fresh   []row
	suspect []row     // that were parked
	bad     []refusal // that cannot be read
	full    bool      // there is likely to be more
}

func (c claimed) found() bool { return len(c.fresh)+len(c.suspect)+len(c.bad) > 0 }

// claim reads what is due. It locks nothing: whoever deletes the same rows, deletes what is published. Of those that
// were parked it takes no more than can be tried at once, lest they leave no time for the others.
func (r *relay) claim(ctx context.Context, l *leader) (claimed, error) {
	c, err := r.read(ctx, l, math.MaxInt32)
	if err != nil || len(c.suspect) <= sieveWidth {
		return c, err
	}
	others, err := r.read(ctx, l, 0)
	others.suspect, others.full = c.suspect[:sieveWidth], true
	return others, err
}

// read reads what is due after so many attempts at most.
func (r *relay) read(ctx context.Context, l *leader, attempts int) (c claimed, err error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	rows, err := l.QueryContext(ctx, r.grammar.claim, attempts, batch)
	if err != nil {
		return claimed{}, err
	}
	defer rows.Close()
	n, size := 0, 0
	for size < batchBytes && rows.Next() {
		var next row
		var payload []byte
		if err := rows.Scan(&next.seq, &next.attempts, &payload); err != nil {
			return claimed{}, err
		}
		n++
		size += len(payload)
		next.event, err = invalidation.Decode(payload)
		switch {
		case err != nil:
			c.bad = append(c.bad, refusal{next, err})
		case next.attempts > 0:
			c.suspect = append(c.suspect, next)
		default:
			c.fresh = append(c.fresh, next)
		}
	}
	c.full = n == batch || size >= batchBytes
	return c, rows.Err()
}
