package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// laboratory is what all runs share.
type laboratory struct {
	db    *database
	redis string // its address
	seed  uint64
	each  time.Duration
	runs  int
}

// measure puts a strategy through a trial.
func (l *laboratory) measure(ctx context.Context, s strategy, t trial) (_ result, err error) {
	fail := func(err error) (result, error) { return result{}, fmt.Errorf("%s: %s: %w", s.Name, t, err) }
	l.runs++
	if err := l.db.delay(ctx, 0); err != nil {
		return fail(err)
	}
	if err := l.db.fill(ctx, keys); err != nil {
		return fail(err)
	}
	w := &workload{trial: t, seed: l.seed, db: l.db, oracle: newOracle(keys), end: make(chan struct{})}
	var queries, behind atomic.Int64
	b := newBus()
	defer b.close()
	var clients []*redis.Client
	defer func() {
		for _, c := range clients {
			err = errors.Join(err, c.Close())
		}
	}()
	for range processes {
		p := &process{client: newClient(l.redis), prefix: fmt.Sprintf("lab%d", l.runs), bus: b}
		clients = append(clients, p.client)
		p.load = func(ctx context.Context, key int) (row, error) { return w.load(ctx, key, &queries, &behind) }
		sub, err := s.open(p)
		if err != nil {
			return fail(err)
		}
		w.subjects = append(w.subjects, sub)
	}

	var nemesis sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	defer stop()
	var late time.Duration
	nemesis.Go(func() { late = oversleep(running) })
	if t == lag {
		nemesis.Go(func() { l.vary(running, w) })
	}
	w.drive(ctx, l.each)
	stop()
	nemesis.Wait()
	asked := queries.Load()

	r, err := l.conclude(ctx, w, s)
	r.Strategy, r.Trial, r.claim = s.Name, t.String(), s.claims[t]
	r.Late, r.Queries, r.Lag = late, asked, time.Duration(behind.Load())
	if err != nil {
		return fail(err)
	}
	return r, nil
}

// conclude waits until nothing is under way, and looks at what the caches hold.
func (l *laboratory) conclude(ctx context.Context, w *workload, s strategy) (r result, err error) {
	err = l.db.delay(ctx, 0)
	w.pending.Wait()
	time.Sleep(rest + s.settle)
	err = errors.Join(err, l.db.catchUp(ctx))
	r = w.result
	latencies := sortTimes(r.latencies)
	r.P50, r.P99, r.latencies = percentile(latencies, 0.5), percentile(latencies, 0.99), nil
	var wrong error
	r.Wrong, wrong = w.wrong(ctx)
	r.Phantoms = w.oracle.phantoms()
	close(w.end)
	w.dead.Wait()
	err = errors.Join(err, wrong, r.failure)
	for _, sub := range w.subjects {
		err = errors.Join(err, sub.Close())
	}
	return r, err
}

// load is the loader of all strategies.
func (w *workload) load(ctx context.Context, key int, queries, behind *atomic.Int64) (row, error) {
	queries.Add(1)
	from := w.db.primary
	if w.trial == lag {
		from = w.db.replica
	}
	began := time.Now()
	r, err := w.db.read(ctx, from, key)
	if err != nil {
		return row{}, err
	}
	for late := int64(w.oracle.lag(key, r.Version, began)); ; {
		old := behind.Load()
		if late <= old || behind.CompareAndSwap(old, late) {
			break
		}
	}
	time.Sleep(drawStall())
	return r, nil
}

// oversleep returns how late a sleeper was woken up at most, until ctx ends.
func oversleep(ctx context.Context) (late time.Duration) {
	const nap = 5 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		time.Sleep(nap)
		late = max(late, time.Since(began)-nap)
	}
	return late
}

// vary changes the lag of the replica until ctx ends.
func (l *laboratory) vary(ctx context.Context, w *workload) {
	r := rand.New(rand.NewPCG(w.seed, 0)) //nolint:gosec // it shall be repeatable
	for ctx.Err() == nil {
		if err := l.db.delay(ctx, time.Duration(r.Int64N(int64(lagMost)))); err != nil && ctx.Err() == nil {
			w.mu.Lock()
			w.result.fail(err)
			w.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(lagChange):
		}
	}
}
