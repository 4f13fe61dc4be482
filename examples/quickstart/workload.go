package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cachet-go/cachet"
)

// Products is what the workload is put to: the repository with a cache of one kind or the other.
type Products interface {
	// Product returns an error that is cachet.ErrNotFound or sql.ErrNoRows if there is no such product.
	Product(ctx context.Context, id int64) (Product, error)
	Save(ctx context.Context, p Product) (version int64, err error)
}

// The pauses are what the callers do besides: a reader that did nothing else would measure the cost of a loop.
const (
	readPause  = 2 * time.Millisecond  // at most, between two reads of one reader
	writePause = 20 * time.Millisecond // at most, between two writes of one writer
)

// workload is many readers and some writers of the same products, the popular ones far more often than the others.
//
// Ids 1 to products exist. A tenth as many follow that do not: the first half of them come into being when somebody
// writes them, which a cache that remembered their absence must notice; the other half never do.
type workload struct {
	products int64
	byRank   []int64 // ids, the most popular first
	seed     uint64
	oracle   *oracle

	reads, writes, stale, longest, failed atomic.Int64
	failure                               atomic.Pointer[error] // the first
}

func newWorkload(products int64, seed uint64) *workload {
	ids := products + 2*((products+19)/20)
	w := &workload{products: products, seed: seed, oracle: newOracle(products, ids)}
	for _, i := range rand.New(rand.NewPCG(seed, 0)).Perm(int(ids)) {
		w.byRank = append(w.byRank, int64(i)+1)
	}
	return w
}

// run drives p until ctx ends. What is under way then is finished, so that afterwards nothing is in flight.
func (w *workload) run(ctx context.Context, p Products, readers, writers int) {
	var wg sync.WaitGroup
	for i := range readers + writers {
		// Each goroutine draws from a sequence of its own, the same for either side.
		r := rand.New(rand.NewPCG(w.seed, uint64(i)+1))
		zipf := rand.NewZipf(r, 1.1, 8, uint64(len(w.byRank)-1))
		step, pause := w.read, readPause
		if i >= readers {
			step, pause = w.write, writePause
		}
		wg.Go(func() {
			for {
				time.Sleep(time.Duration(r.Int64N(int64(pause))))
				if ctx.Err() != nil {
					return
				}
				step(context.WithoutCancel(ctx), p, w.byRank[zipf.Uint64()], r.Int64N(100_00))
			}
		})
	}
	wg.Wait()
}

func (w *workload) read(ctx context.Context, p Products, id, _ int64) {
	acked := w.oracle.acked(id) // before the read begins
	version, err := versionOf(ctx, p, id)
	if err != nil {
		w.fail(err)
		return
	}
	w.reads.Add(1)
	if version < acked {
		w.stale.Add(1)
		w.noteStaleness(w.oracle.staleness(id, version))
	}
}

func (w *workload) write(ctx context.Context, p Products, id, price int64) {
	if id > (w.products+int64(len(w.byRank)))/2 {
		return // one of those that never come into being
	}
	version, err := p.Save(ctx, Product{ID: id, Name: fmt.Sprint("product ", id), Price: price, Stock: price % 100})
	if err != nil {
		w.fail(err)
		return
	}
	w.writes.Add(1)
	w.oracle.ack(id, version)
}

// wrong counts the ids for which p, at rest, does not give what is in the database.
func (w *workload) wrong(ctx context.Context, p Products, repo *Repository) (int64, error) {
	truth, err := repo.Versions(ctx)
	if err != nil {
		return 0, err
	}
	var n atomic.Int64
	check, ctx := errgroup.WithContext(ctx)
	check.SetLimit(64)
	for _, id := range w.byRank {
		check.Go(func() error {
			version, err := versionOf(ctx, p, id)
			if err == nil && version != truth[id] {
				n.Add(1)
			}
			return err
		})
	}
	err = check.Wait()
	return n.Load(), err
}

// versionOf returns 0 if there is no such product.
func versionOf(ctx context.Context, p Products, id int64) (int64, error) {
	product, err := p.Product(ctx, id)
	if errors.Is(err, cachet.ErrNotFound) || errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return product.Version, err
}

func (w *workload) noteStaleness(d time.Duration) {
	for {
		old := w.longest.Load()
		if int64(d) <= old || w.longest.CompareAndSwap(old, int64(d)) {
			return
		}
	}
}

func (w *workload) fail(err error) {
	w.failed.Add(1)
	w.failure.CompareAndSwap(nil, &err)
}
