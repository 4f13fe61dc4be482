package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet/internal/torture/worker"
)

// run is one run of the program.
type run struct {
	host *host
	seed uint64
	out  io.Writer

	total total
}

// The times that a phase takes besides that of its nemesis, about, and that a nemesis is given at least.
const (
	around  = 3 * time.Second
	atLeast = 2 * time.Second
)

// all has each nemesis act in turn until the time is over, and reports whether every promise was kept. It ends at
// the first that is broken.
func (r *run) all(chosen []nemesis, length time.Duration) bool {
	began := time.Now()
	rounds := 1 + int((length-1)/longest)/len(chosen)
	each := max(length/time.Duration(rounds*len(chosen))-around, atLeast)
	r.total.run = make(map[string]bool)
	for phase := 0; time.Since(began)+each/2 < length || phase == 0; phase++ {
		n := chosen[phase%len(chosen)]
		res := r.phase(n, each, r.seed+uint64(phase)<<20)
		r.total.add(res)
		res.print(r.out)
		if !res.kept() {
			break
		}
	}
	r.total.print(r.out, time.Since(began), chosen)
	return r.total.kept
}

// phase has one nemesis act for a while, lets everything come to rest and checks what happened.
func (r *run) phase(n nemesis, length time.Duration, seed uint64) result {
	defer r.host.cleanup()
	fmt.Fprintf(r.out, "%-14s %v: %s\n", n.name, length.Round(time.Millisecond), n.what)
	began := time.Now()
	w := build(r.host, n, seed)
	ctx, stop := context.WithTimeout(context.Background(), length)
	defer stop()
	go w.progress(ctx, r.out)
	w.rage(ctx, seed)
	if w.clock != nil {
		w.setClock(0)
	}
	w.dismiss()
	res := result{world: w}
	res.wrongPlain, res.wrongFenced, res.cached = w.wrong()
	if n.limit {
		time.Sleep(worker.Life + margin)
		plain, fenced, _ := w.wrong()
		res.wrongLater = plain + fenced
	}
	for key := range w.history.Keys {
		w.history.Keys[key].Commits = w.db.Commits(key)
	}
	res.plain = w.history.Check(0, rows, w.windows)
	res.fenced = w.history.Check(rows, 2*rows, w.windows)
	if !n.fencesGo {
		w.history.Prove(&res.fenced, rand.New(rand.NewPCG(seed, 1)), rows, 2*rows, proofs)
	}
	res.tally, res.took = w.history.Counts(), time.Since(began)
	return res
}

// margin is what a copy may last longer than it should: Redis ends keys to the millisecond, and callers begin before
// they ask.
const margin = 100 * time.Millisecond

// proofs is how many windows porcupine is asked about in a phase.
const proofs = 100

// progress prints how far a phase has come.
func (w *world) progress(ctx context.Context, out io.Writer) {
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for began := time.Now(); ; {
		select {
		case <-tick.C:
			t := w.history.Counts()
			fmt.Fprintf(out, "  %3.0fs %10d reads %7d writes %5d faults\n",
				time.Since(began).Seconds(), t.Reads, t.Writes, w.acts.Load())
		case <-ctx.Done():
			return
		}
	}
}
