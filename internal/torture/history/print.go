package history

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// Event is something else that happened, such as a fault.
type Event struct {
	At   int64
	What string
}

// around is how much of a history is printed before a finding, and manyReads is how many reads at most.
const (
	around    = 3 * time.Second
	manyReads = 60
)

// Print writes what happened to the key of a finding in the seconds before it, with events. Times count from since.
func (h *History) Print(w io.Writer, f *Finding, since int64, events []Event) {
	k := &h.Keys[f.Key]
	from, to := f.Read.Start-int64(around), f.Read.End
	all := slices.Clone(events)
	for _, c := range k.Commits {
		all = append(all, Event{c.Begin, fmt.Sprintf("commit of version %d", c.Version)})
	}
	for _, u := range k.Writes {
		all = append(all, Event{u.Start, fmt.Sprintf("Update by %d begins, version %d", u.Process, u.Version)},
			Event{u.End, fmt.Sprintf("Update by %d ends, version %d: %v", u.Process, u.Version, u.Outcome)})
	}
	reads := slices.DeleteFunc(slices.Clone(k.Reads), func(r Read) bool { return r.Start < from || r.Start > to })
	if n := len(reads) - manyReads; n > 0 {
		fmt.Fprintf(w, "    (%d reads left out)\n", n)
		reads = reads[n:]
	}
	for _, r := range reads {
		mark := ""
		if r == f.Read {
			mark = "   <--"
		}
		all = append(all, Event{r.Start, fmt.Sprintf("%v by %d returns version %d at %s%s",
			r.How, r.Process, r.Version, at(r.End, since), mark)})
	}
	all = slices.DeleteFunc(all, func(e Event) bool { return e.At < from || e.At > to })
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.At, b.At) })
	for _, e := range all {
		fmt.Fprintf(w, "    %s %s\n", at(e.At, since), e.What)
	}
}

func at(t, since int64) string { return fmt.Sprintf("%10.6fs", time.Duration(t-since).Seconds()) }
