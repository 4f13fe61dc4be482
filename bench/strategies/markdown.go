package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// markdown writes the table of the documentation: of each trial what tells the strategies apart.
func (r *report) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s. Runs of %v, seed %d, %s reads in all.\n\n", r.Database, r.Each, r.Seed, thousands(r.reads()))
	header := []string{
		"", "loaders stall: stale per million", "longest", "writers die: stale per million", "wrong at rest",
		fmt.Sprintf("the replica lags: stale %v after the last write, per million", most), "longest", "wrong at rest",
		"queries per 1,000 reads", "trips per write", "write p50", "p99",
	}
	b.WriteString("| " + strings.Join(header, " | ") + " |\n|---|" + strings.Repeat("--:|", len(header)-1) + "\n")
	ms := func(d time.Duration) string { return inMilliseconds(milliseconds(d)) }
	for i, row := range r.Rows {
		s, c, l := &r.Results[stalls][i], &r.Results[crashes][i], &r.Results[lag][i]
		cells := []string{
			row.Name, whole(s.PerMillion()), ms(s.Longest), whole(c.PerMillion()), strconv.Itoa(c.Wrong),
			whole(l.OverPerMillion()), ms(l.Longest), strconv.Itoa(l.Wrong),
			whole(s.QueriesPerThousand()), strconv.FormatFloat(s.TripsPerWrite(), 'f', 1, 64), ms(s.P50), ms(s.P99),
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *report) reads() (n int64) {
	for _, results := range r.Results {
		for _, res := range results {
			n += res.Reads
		}
	}
	return n
}
