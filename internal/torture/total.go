package main

import (
	"fmt"
	"io"
	"time"
)

// total is what came out of all phases.
type total struct {
	phases, proved    int
	reads, writes     int64
	faults            int64
	documented        int64
	inverted, unknown int64
	stale, phantoms   int64
	wrong             int
	kept              bool
	run               map[string]bool
}

func (t *total) add(r result) {
	t.kept = (t.phases == 0 || t.kept) && r.kept()
	t.phases++
	t.reads += r.plain.Reads + r.fenced.Reads
	t.writes += r.tally.Writes
	t.faults += r.world.acts.Load()
	t.documented += r.documented()
	t.proved += r.fenced.Proved
	t.unknown += int64(r.fenced.Unknown)
	t.inverted += r.inverted()
	t.stale += r.stale()
	t.phantoms += r.phantoms()
	t.wrong += r.wrong()
	t.run[r.world.nemesis.name] = true
}

func (t *total) print(out io.Writer, took time.Duration, chosen []nemesis) {
	fmt.Fprintf(out, "\n%d phases in %v: %d reads checked (%.0f/s), %d writes, %d faults\n",
		t.phases, took.Round(time.Second), t.reads, float64(t.reads)/took.Seconds(), t.writes, t.faults)
	fmt.Fprintf(out, "%d stale, %d phantoms, %d wrong at rest, %d not linearizable under a fence, "+
		"%d windows proved, %d unknown; %d stale or late as documented\n",
		t.stale, t.phantoms, t.wrong, t.inverted, t.proved, t.unknown, t.documented)
	for _, n := range chosen {
		if !t.run[n.name] {
			fmt.Fprintf(out, "no time was left for %s\n", n.name)
		}
	}
	verdict := "PASS"
	if !t.kept {
		verdict = "FAIL"
	}
	fmt.Fprintf(out, "verdict: %s\n", verdict)
}
