package worker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/torture/clock"
	"github.com/cachet-go/cachet/internal/torture/history"
)

// batch is how many keys most calls read.
const batch = 32

// rest is how long a reader rests after a call, at most.
const rest = 4 * time.Millisecond

// read reads keys from first on until ctx ends: mostly batches, some single keys, some past the cache, some in a hurry.
func (w *worker) read(ctx context.Context, c *Cache, dice *rand.Rand, first int) {
	for ctx.Err() == nil {
		switch n := dice.IntN(100); {
		case n < 80:
			w.readMany(c, dice, first)
		case n < 81:
			w.readOne(ctx, c, history.Fresh, first+dice.IntN(w.cfg.Rows), 0, cachet.Fresh())
		case n < 85: // whose leaving may end the load
			leave := time.Duration(dice.Int64N(int64(100 * time.Millisecond)))
			w.readOne(ctx, c, history.Hurried, first+dice.IntN(w.cfg.Rows), leave)
		default:
			w.readOne(ctx, c, history.Get, first+dice.IntN(w.cfg.Rows), 0)
		}
		pause(ctx, time.Duration(dice.Int64N(int64(rest))))
	}
}

func (w *worker) readOne(
	ctx context.Context, c *Cache, how history.How, key int, leave time.Duration, opts ...cachet.Option,
) {
	ctx = context.WithoutCancel(ctx)
	if leave > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, leave)
		defer cancel()
	}
	start := clock.Now()
	r, err := c.Get(ctx, key, opts...)
	switch {
	case err != nil && ctx.Err() != nil:
	case err != nil:
		w.report.Error(fmt.Sprintf("%v of key %d by process %d: %v", how, key, w.cfg.Process, err))
	case r.Check(key) != nil:
		w.report.Error(r.Check(key).Error())
	default:
		w.report.Reads(how, start, []int{key}, []uint32{r.Version})
	}
}

func (w *worker) readMany(c *Cache, dice *rand.Rand, first int) {
	keys := dice.Perm(w.cfg.Rows)[:min(batch, w.cfg.Rows)]
	for i := range keys {
		keys[i] += first
	}
	start := clock.Now()
	got, err := c.GetMany(context.Background(), keys)
	if err != nil {
		w.report.Error(fmt.Sprintf("GetMany by process %d: %v", w.cfg.Process, err))
	}
	versions := make([]uint32, 0, len(got))
	read := keys[:0]
	for _, key := range keys {
		r, ok := got[key]
		switch {
		case !ok && err == nil:
			w.report.Error(fmt.Sprintf("GetMany by process %d does not have key %d", w.cfg.Process, key))
		case !ok:
		case r.Check(key) != nil:
			w.report.Error(r.Check(key).Error())
		default:
			read, versions = append(read, key), append(versions, r.Version)
		}
	}
	w.report.Reads(history.GetMany, start, read, versions)
}
