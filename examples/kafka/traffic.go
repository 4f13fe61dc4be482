package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// The pauses are what the callers do besides.
const (
	readPause  = 2 * time.Millisecond  // at most, between two reads of one reader
	writePause = 20 * time.Millisecond // at most, between two writes of one writer
)

// traffic is writers of the one service and readers of the other.
type traffic struct {
	pricing    *Pricing
	storefront *Storefront
	ledger     *ledger
	products   int64
	bound      time.Duration

	// reads; those of them that returned an older version than had been committed before they began; those of these for
	// which this had been longer ago than bound; and the longest ago
	reads, stale, late, longest atomic.Int64

	failed  atomic.Int64
	failure atomic.Pointer[error] // the first
}

// run lasts until ctx ends. What is under way then is finished.
func (t *traffic) run(ctx context.Context, readers, writers int) {
	var wg sync.WaitGroup
	for i := range readers + writers {
		step, pause := t.read, readPause
		if i >= readers {
			step, pause = t.write, writePause
		}
		wg.Go(func() {
			for {
				time.Sleep(rand.N(pause))
				if ctx.Err() != nil {
					return
				}
				if err := step(context.WithoutCancel(ctx), 1+rand.Int64N(t.products)); err != nil {
					t.failed.Add(1)
					t.failure.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	wg.Wait()
}

func (t *traffic) write(ctx context.Context, id int64) error {
	change, err := t.pricing.Set(ctx, id, 1+rand.Int64N(100_00))
	if err == nil {
		t.ledger.committed(change)
	}
	return err
}

func (t *traffic) read(ctx context.Context, id int64) error {
	newest, began := t.ledger.newest(id), time.Now()
	price, err := t.storefront.Price(ctx, id)
	if err != nil {
		return err
	}
	t.reads.Add(1)
	if price.Version >= newest {
		return nil
	}
	age := t.ledger.outdated(id, price.Version, began)
	t.stale.Add(1)
	if age > t.bound {
		t.late.Add(1)
	}
	for longest := t.longest.Load(); int64(age) > longest; longest = t.longest.Load() {
		if t.longest.CompareAndSwap(longest, int64(age)) {
			break
		}
	}
	return nil
}

// wrong counts the products for which the storefront, at rest, does not show what truth has.
func (t *traffic) wrong(ctx context.Context, truth map[int64]int64) (int64, error) {
	var n atomic.Int64
	check, ctx := errgroup.WithContext(ctx)
	check.SetLimit(32)
	for id, version := range truth {
		check.Go(func() error {
			price, err := t.storefront.Price(ctx, id)
			if err == nil && price.Version != version {
				n.Add(1)
			}
			return err
		})
	}
	err := check.Wait()
	return n.Load(), err
}
