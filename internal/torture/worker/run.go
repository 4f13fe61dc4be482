package worker

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/torture/history"
	"github.com/cachet-go/cachet/internal/torture/source"
	"github.com/cachet-go/cachet/store/chaosstore"
	"github.com/cachet-go/cachet/store/redisstore"
)

// flushing is how often reports are sent.
const flushing = 20 * time.Millisecond

// worker is what the callers of a process share.
type worker struct {
	cfg    Config
	db     *source.Client
	report *history.Reporter
}

// Run reads and writes until commands end, makes what is still to be made, and reports to out.
func Run(cfg Config, commands io.Reader, out io.Writer) error {
	logging.Disable()
	w := &worker{cfg: cfg, db: source.NewClient(cfg.Source), report: history.NewReporter(out)}
	client := cfg.Client()
	st := redisstore.New(client, redisstore.Options{Replicas: cfg.Replicas, Lease: Lease})
	chaos := chaosstore.New(st, w.slowness())
	dice := rand.New(rand.NewPCG(cfg.Seed, 1<<32))
	off := time.Duration(dice.Int64N(2*int64(cfg.Skew)+1)) - cfg.Skew
	ignore := func(error) {} // readers and writers see what there is to see
	caches, err := NewCaches(skewed{chaos, off}, w.db, cfg.Pad, ignore)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var callers sync.WaitGroup
	for i, callersOf := range []Callers{cfg.Plain, cfg.Fenced} {
		c := []*Cache{caches.Plain, caches.Fenced}[i]
		for n := range callersOf.Readers {
			dice := rand.New(rand.NewPCG(cfg.Seed, uint64(i<<8|n)))
			callers.Go(func() { w.read(ctx, c, dice, i*cfg.Rows) })
		}
		for n := range callersOf.Writers {
			dice := rand.New(rand.NewPCG(cfg.Seed, uint64(1<<16|i<<8|n)))
			callers.Go(func() { w.write(ctx, c, dice, i*cfg.Rows) })
		}
	}
	go func() {
		for range time.Tick(flushing) {
			w.report.Flush()
		}
	}()
	_, _ = io.Copy(io.Discard, commands) // the parent lives, and has not had enough
	time.AfterFunc(time.Minute, func() { os.Exit(3) })
	stop()
	callers.Wait()
	chaos.Calm()
	err = errors.Join(caches.Plain.Close(), caches.Fenced.Close())
	if err != nil {
		w.report.Error("Close: " + err.Error())
	}
	w.report.Tally(tally(caches.Plain.Stats(), caches.Fenced.Stats()))
	w.report.Flush()
	return errors.Join(st.Close(), client.Close())
}

// slowness opens the windows between the execution of a command and the news of it.
func (w *worker) slowness() chaosstore.Options {
	if !w.cfg.Slow {
		return chaosstore.Options{}
	}
	return chaosstore.Options{
		Seed: w.cfg.Seed, Delay: 0.3, MaxDelay: 50 * time.Millisecond,
		Ops: []chaosstore.Op{chaosstore.OpLease, chaosstore.OpFill, chaosstore.OpRelease},
	}
}

func tally(all ...cachet.Stats) (t history.Tally) {
	for _, s := range all {
		t.Add(history.Tally{
			Hits: s.Hits, Misses: s.Misses, Loads: s.Loads, Refused: s.Refused, Merged: s.Merged, Waits: s.Waits,
			Refreshes: s.Refreshes, StaleHits: s.StaleHits, Pending: s.Pending,
		})
	}
	return t
}
