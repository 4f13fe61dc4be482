package outbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
	"github.com/cachet-go/cachet/invalidation"
)

const (
	// batch and batchBytes bound what is read and published at once.
	batch      = 500
	batchBytes = 8 << 20

	// While nothing comes the leader looks at the table less and less often.
	pollFirst = 20 * time.Millisecond
	pollMost  = time.Second

	// candidacy is how long others wait between two attempts to become the leader, and half as long again by chance.
	candidacy = time.Second

	publishTimeout   = 5 * time.Second
	statementTimeout = 10 * time.Second

	// patience is how many failures in a row a leader bears before it lets another try, whose way to the publisher
	// may be open.
	patience = 8
)

type relay struct {
	*Box
	publisher invalidation.Publisher
	failures  int // in a row, of the database and the publisher

	// done has the rows that are published and still in the table. It is forgotten with the connection: after a failover
	// their numbers may be given to other events.
	done []int64
}

// Relay publishes the events of the table with publisher until ctx ends, and then returns nil. Every process may run
// one, and should: one of them is elected and the others wait. The elected one keeps a connection of db to itself,
// except in SQLite.
//
// Events go to the publisher in the order of the table, up to 500 in a call, which has 5 s, and are deleted once it has
// returned nil. While it fails, calls are repeated with pauses of up to a second. After three failures, or at once
// where it takes all of its time or says invalidation.ErrTooLarge, ErrMalformed or ErrUnsupported, events are published
// one by one, those about different keys concurrently. What it refuses with one of these errors, what it refuses while
// it takes other events, and what cannot be decoded is parked: it stays in the table, marked with attempts and
// not_before, and is tried again after a second at first and ten minutes at last. A panic of the publisher is an error
// of it. It must heed its context: the relay waits for it.
//
// It returns another error only for arguments that are missing. What fails later goes to Box.Error, and is repeated.
func (b *Box) Relay(ctx context.Context, db *sql.DB, publisher invalidation.Publisher) error {
	switch {
	case db == nil:
		return errors.New("outbox: Relay: no database")
	case publisher == nil:
		return errors.New("outbox: Relay: no publisher")
	}
	r := &relay{Box: b, publisher: publisher}
	for ctx.Err() == nil {
		l, err := r.candidate(ctx, db)
		pause := candidacy + rand.N(candidacy/2) //nolint:gosec // no secret
		switch {
		case err != nil:
			pause = r.fail(ctx, err)
		case l != nil:
			r.lead(ctx, l)
		}
		if ctx.Err() == nil {
			sleep(ctx, pause, nil)
		}
	}
	return nil
}

func (r *relay) candidate(ctx context.Context, db *sql.DB) (*leader, error) {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	return r.grammar.elect(ctx, db)
}

var space = backoff.Policy{First: pollFirst, Most: pollMost}

// fail notes a failure and returns how long to wait.
func (r *relay) fail(ctx context.Context, err error) time.Duration {
	if r.failures == 0 && ctx.Err() == nil {
		r.report(ctx, fmt.Errorf("outbox: events wait: %w", err))
	}
	r.failures++
	return space.Delay(r.failures)
}

// lead publishes until ctx ends or somebody else is to lead.
func (r *relay) lead(ctx context.Context, l *leader) {
	leading := l.lease == nil
	if leading {
		r.leading.Add(1)
	}
	defer func() {
		if leading {
			r.leading.Add(-1)
		}
		r.done = nil
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statementTimeout)
		defer cancel()
		l.resign(ctx)
	}()
	for poll, before := pollFirst, r.failures; ; {
		found, full, err := r.pass(ctx, l)
		switch {
		case ctx.Err() != nil || errors.Is(err, errDeposed):
			return
		case err != nil:
			pause := r.fail(ctx, err)
			if r.failures-before >= patience || r.gone(ctx, l) {
				return
			}
			sleep(ctx, pause, nil)
			continue
		case found && !leading:
			leading = true
			r.leading.Add(1)
		}
		before = 0
		switch {
		case full:
			continue
		case found:
			poll = pollFirst
		}
		if kicked := sleep(ctx, poll, r.kick); kicked {
			poll = pollFirst
		} else {
			poll = min(2*poll, pollMost)
		}
	}
}

func (r *relay) gone(ctx context.Context, l *leader) bool {
	ctx, cancel := context.WithTimeout(ctx, statementTimeout)
	defer cancel()
	return l.check(ctx) != nil
}

// sleep waits for d, or until ctx ends or somebody kicks.
func sleep(ctx context.Context, d time.Duration, kick <-chan struct{}) (kicked bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-kick:
		return true
	case <-ctx.Done():
	}
	return false
}
