package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/torture/clock"
	"github.com/cachet-go/cachet/internal/torture/history"
)

// errRollback is what one transaction in ten ends with.
var errRollback = errors.New("rolled back")

// idle is how long a writer rests between bursts, at most.
const idle = 200 * time.Millisecond

// hot is how many keys have half of the writes, so that writers meet.
const hot = 3

// slack is what a transaction has less than its fence, which may have been placed late.
const slack = 100 * time.Millisecond

// write writes in bursts on one key, so that a write comes upon the load that the one before it caused.
func (w *worker) write(ctx context.Context, c *Cache, dice *rand.Rand, first int) {
	for ctx.Err() == nil {
		key := first + dice.IntN(w.cfg.Rows)
		if dice.IntN(2) == 0 {
			key = first + dice.IntN(hot)
		}
		for range 1 + dice.IntN(3) {
			w.writeOne(c, dice, key)
			pause(ctx, time.Duration(dice.Int64N(int64(idle/4))))
		}
		pause(ctx, time.Duration(dice.Int64N(int64(idle))))
	}
}

func (w *worker) writeOne(c *Cache, dice *rand.Rand, key int) {
	ctx := context.Background()
	before, after := w.linger(dice), w.linger(dice)
	rollback := dice.IntN(10) == 0
	start := clock.Now()
	deadline := start + int64(Fence-slack)
	var version uint32
	err := c.Update(ctx, key, func(ctx context.Context) (err error) {
		if version, err = w.db.Begin(ctx, key); err != nil {
			return err
		}
		time.Sleep(before)
		if rollback {
			return errRollback
		}
		if err := w.db.Commit(ctx, key, version, deadline); err != nil {
			return err
		}
		time.Sleep(after)
		return nil
	})
	var missed *cachet.InvalidationError
	switch {
	case err == nil:
		w.report.Write(key, version, start, history.Acknowledged)
	case errors.As(err, &missed):
		w.report.Write(key, version, start, history.NotInvalidated)
	default:
		w.report.Write(key, version, start, history.NotWritten)
	}
}

// linger is how long a writer stays before or after its commit.
func (w *worker) linger(dice *rand.Rand) time.Duration {
	if dice.IntN(3) > 0 {
		return 0
	}
	return time.Duration(dice.Int64N(int64(w.cfg.Linger)))
}
