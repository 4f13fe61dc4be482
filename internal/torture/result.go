package main

import (
	"fmt"
	"io"
	"time"

	"github.com/cachet-go/cachet/internal/torture/history"
	"github.com/cachet-go/cachet/internal/torture/worker"
)

// result is what came out of a phase.
type result struct {
	world         *world
	plain, fenced history.Verdict
	tally         history.Tally
	took          time.Duration

	cached, wrongPlain, wrongFenced int
	wrongLater                      int // after all copies have ended, where there were wrong ones to be expected
}

// inverted counts the reads that were not linearizable though that is promised.
func (r result) inverted() int64 {
	if r.world.nemesis.fencesGo {
		return 0
	}
	return r.fenced.Inverted + int64(r.fenced.Refuted)
}

func (r result) stale() int64    { return r.plain.Stale + r.fenced.Stale }
func (r result) phantoms() int64 { return r.plain.Phantoms + r.fenced.Phantoms }

// wrong counts the records that were wrong at rest though that is excluded.
func (r result) wrong() int {
	if r.world.nemesis.limit {
		return r.wrongLater
	}
	return r.wrongPlain + r.wrongFenced
}

// documented counts what was stale, or wrong at rest, within a documented limit.
func (r result) documented() int64 {
	n := r.plain.Forgiven + r.fenced.Forgiven
	if r.world.nemesis.limit {
		n += r.plain.Late + int64(r.wrongPlain+r.wrongFenced)
	}
	return n
}

// oldest is for how long a version had been superseded that was read.
func (r result) oldest() time.Duration { return max(r.plain.Oldest, r.fenced.Oldest) }

// immortal reports whether a copy outlived its time.
func (r result) immortal() bool {
	return r.world.clock == nil && r.oldest() > worker.Life+margin
}

// kept reports whether all promises were kept.
func (r result) kept() bool {
	return r.stale() == 0 && r.phantoms() == 0 && r.wrong() == 0 && r.inverted() == 0 && !r.immortal() &&
		r.tally.Pending == 0 && r.tally.ReadErrors == 0
}

func (r result) print(out io.Writer) {
	t := r.tally
	fmt.Fprintf(out, "  %v: %d reads (%.0f/s) in %d calls, %d failed; "+
		"%d writes, %d acknowledged, %d not invalidated; %d faults\n",
		r.took.Round(100*time.Millisecond), t.Reads, float64(t.Reads)/r.took.Seconds(), t.Batches, t.ReadErrors,
		t.Writes, t.Acknowledged, t.Unconfirmed, r.world.acts.Load())
	fmt.Fprintf(out, "  of those who lived to tell: %d hits, %d stale hits, %d loads, %d refreshes, "+
		"%d fills refused, %d merged, %d waits, %d cached at rest\n",
		t.Hits, t.StaleHits, t.Loads, t.Refreshes, t.Refused, t.Merged, t.Waits, r.cached)
	linear := fmt.Sprintf("%d not linearizable, %d windows proved by porcupine, %d unknown",
		r.inverted(), r.fenced.Proved, r.fenced.Unknown)
	if r.world.nemesis.fencesGo {
		linear = fmt.Sprintf("linearizability not promised (%d)", r.fenced.Inverted)
	}
	fmt.Fprintf(out, "  %d stale, %d phantoms, %d wrong at rest, %d pending, superseded for %v at most; fenced: %s",
		r.stale(), r.phantoms(), r.wrong(), t.Pending, r.oldest().Round(time.Millisecond), linear)
	if r.world.nemesis.limit {
		fmt.Fprintf(out, "; %d stale or late as documented", r.documented())
	}
	fmt.Fprintf(out, "; without a fence: %d inverted\n", r.plain.Inverted)
	for _, e := range r.world.history.Errors[:min(3, len(r.world.history.Errors))] {
		fmt.Fprintf(out, "  %s\n", e)
	}
	if !r.kept() {
		r.explain(out)
	}
}

// explain prints the history of the keys of the first findings.
func (r result) explain(out io.Writer) {
	w := r.world
	findings := []*history.Finding{r.plain.FirstStale, r.fenced.FirstStale, r.plain.FirstPhantom, r.fenced.FirstPhantom}
	if r.inverted() > 0 {
		findings = append(findings, r.fenced.FirstInverted)
	}
	if r.immortal() {
		findings = append(findings, r.plain.TheOldest, r.fenced.TheOldest)
	}
	for _, f := range findings {
		if f == nil {
			continue
		}
		fmt.Fprintf(out, "  %v:\n", f)
		w.history.Print(out, f, w.began, w.events)
	}
	if r.wrong() == 0 {
		return
	}
	for _, e := range w.events[max(0, len(w.events)-10):] {
		fmt.Fprintf(out, "  %s\n", e.What)
	}
}
