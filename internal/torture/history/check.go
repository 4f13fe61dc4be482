package history

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
	"time"

	"github.com/cachet-go/cachet/internal/torture/source"
)

// Window is about a server that lost what it had acknowledged, as documented: acknowledgements after From and up to To
// do not count for reads that end after Lost, until every copy that came back has ended.
type Window struct{ From, Lost, To, Until int64 }

func (w Window) forgives(ack int64, r Read) bool {
	return w.From < ack && ack <= w.To && r.End >= w.Lost && r.Start <= w.Until
}

// Verdict is what came out of a check.
type Verdict struct {
	Reads    int64
	Stale    int64 // older than what had been acknowledged before they began
	Forgiven int64 // the same, within a window
	Phantoms int64 // of a version that had not been committed by their end, and perhaps never was
	Inverted int64 // older than what had been committed, or had been read, before they began
	Late     int64 // of a version that had been superseded for longer than Patience when they began
	Proved   int   // windows that porcupine has found linearizable
	Refuted  int   // windows that it has not
	Unknown  int   // windows that took it too long

	Oldest time.Duration // for which a version had been superseded when a read began that returned it

	// The first of each kind, with the key, and the oldest.
	FirstStale, FirstPhantom, FirstInverted, TheOldest *Finding
}

// Patience is how long after a commit the old version may be read without being late: writers dawdle before they
// acknowledge.
const Patience = 500 * time.Millisecond

// Finding is a read that should not have returned what it did.
type Finding struct {
	Key  int
	Read Read
	Why  string
}

func (f *Finding) String() string {
	return fmt.Sprintf("%v of key %d by process %d returned version %d %s",
		f.Read.How, f.Key, f.Read.Process, f.Read.Version, f.Why)
}

func note(first **Finding, f Finding) {
	if *first == nil || f.Read.Start < (*first).Read.Start {
		*first = &f
	}
}

// Check checks all reads of the keys from first to last. It sorts what they hold.
func (h *History) Check(first, last int, windows []Window) Verdict {
	var v Verdict
	for key := first; key < last; key++ {
		k := &h.Keys[key]
		k.sort()
		v.Reads += int64(len(k.Reads))
		k.checkStale(&v, key, windows)
		k.checkCommitted(&v, key)
		k.checkInverted(&v, key)
	}
	return v
}

func (k *Key) sort() {
	slices.SortFunc(k.Reads, func(a, b Read) int { return cmp.Compare(a.Start, b.Start) })
	slices.SortFunc(k.Writes, func(a, b Write) int { return cmp.Compare(a.End, b.End) })
}

// checkStale holds reads to what had been acknowledged before they began.
func (k *Key) checkStale(v *Verdict, key int, windows []Window) {
	need, next := uint32(1), 0
	for _, r := range k.Reads {
		for ; next < len(k.Writes) && k.Writes[next].End < r.Start; next++ {
			if w := k.Writes[next]; w.Outcome == Acknowledged {
				need = max(need, w.Version)
			}
		}
		if r.Version >= need {
			continue
		}
		if unforgiven := k.acknowledged(r, next, windows); r.Version < unforgiven {
			v.Stale++
			note(&v.FirstStale, Finding{key, r, fmt.Sprintf("after version %d was acknowledged", unforgiven)})
		} else {
			v.Forgiven++
		}
	}
}

// acknowledged returns the version that r needs by the first n writes, but for those that a window forgives.
func (k *Key) acknowledged(r Read, n int, windows []Window) uint32 {
	need := uint32(1)
	for _, w := range k.Writes[:n] {
		forgiven := slices.ContainsFunc(windows, func(x Window) bool { return x.forgives(w.End, r) })
		if w.Outcome == Acknowledged && !forgiven {
			need = max(need, w.Version)
		}
	}
	return need
}

// checkCommitted holds reads to versions that have been committed.
func (k *Key) checkCommitted(v *Verdict, key int) {
	for _, r := range k.Reads {
		if r.Version == 1 {
			continue
		}
		i, found := slices.BinarySearchFunc(k.Commits, r.Version, func(c source.Commit, version uint32) int {
			return cmp.Compare(c.Version, version)
		})
		switch {
		case !found:
			v.Phantoms++
			note(&v.FirstPhantom, Finding{key, r, "which was never committed"})
		case k.Commits[i].Begin > r.End:
			v.Phantoms++
			note(&v.FirstPhantom, Finding{key, r, "before that was committed"})
		}
	}
}

// checkInverted holds reads to what had been committed before they began, and to what others had read by then.
func (k *Key) checkInverted(v *Verdict, key int) {
	byEnd := make([]Read, len(k.Reads))
	copy(byEnd, k.Reads)
	slices.SortFunc(byEnd, func(a, b Read) int { return cmp.Compare(a.End, b.End) })
	seen, next := Read{Version: 1}, 0
	for _, r := range k.Reads {
		for ; next < len(byEnd) && byEnd[next].End < r.Start; next++ {
			if byEnd[next].Version > seen.Version {
				seen = byEnd[next]
			}
		}
		committed := k.committed(r.Start)
		k.checkAge(v, key, r)
		switch {
		case r.Version < committed:
			v.Inverted++
			note(&v.FirstInverted, Finding{key, r, fmt.Sprintf("after version %d was committed", committed)})
		case r.Version < seen.Version:
			v.Inverted++
			why := fmt.Sprintf("after process %d had read version %d", seen.Process, seen.Version)
			note(&v.FirstInverted, Finding{key, r, why})
		}
	}
}

// checkAge notes for how long the version that a read returned had been superseded.
func (k *Key) checkAge(v *Verdict, key int, r Read) {
	next := sort.Search(len(k.Commits), func(i int) bool { return k.Commits[i].Version > r.Version })
	if next == len(k.Commits) {
		return
	}
	age := time.Duration(r.Start - k.Commits[next].End)
	if age > Patience {
		v.Late++
	}
	if age > v.Oldest {
		v.Oldest = age
		v.TheOldest = &Finding{key, r, fmt.Sprintf("which had been superseded for %v", age)}
	}
}

// committed returns the version that was the current one at a time, for certain.
func (k *Key) committed(at int64) uint32 {
	n := sort.Search(len(k.Commits), func(i int) bool { return k.Commits[i].End >= at })
	if n == 0 {
		return 1
	}
	return k.Commits[n-1].Version
}
