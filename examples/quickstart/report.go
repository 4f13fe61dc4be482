package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/cachet-go/cachet"
)

// counts is what a side has done since it began.
type counts struct {
	took                          time.Duration
	reads, writes, queries, stale int64
	cache                         cachet.Stats
}

// result is what a side came to.
type result struct {
	side string
	counts

	longest time.Duration // the longest staleness of a read
	wrong   int64         // ids that were still answered wrong when nothing was in flight
	failed  int64         // reads and writes that returned an error
	failure error         // the first of them
}

func introduce(out io.Writer, cfg config) {
	where := "in memory"
	if cfg.redis != "" {
		where = "in Redis at " + cfg.redis
	}
	fmt.Fprintf(out, `%s products in SQLite, cached %s. %d goroutines read and %d write, popular products most;
an answer of the database takes up to %v. First through cachet, then the same through the usual code:
GET, else load and SET; on a write UPDATE, then DEL. A read is stale if it returns an older version
than the database had acknowledged before the read began.
`, count(cfg.products), where, cfg.readers, cfg.writers, cfg.stall)
}

const progressHeader = "         reads/s  hit ratio  queries/s  without cache  merged  refused  stale reads"

// progress prints a line about each second until ctx ends.
func progress(ctx context.Context, out io.Writer, side string, current func() counts) {
	fmt.Fprintf(out, "\n%s\n%s\n", side, progressHeader)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last counts
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := current()
		seconds := (now.took - last.took).Seconds()
		hits := cachet.Stats{Hits: now.cache.Hits - last.cache.Hits, Misses: now.cache.Misses - last.cache.Misses}
		reads := rate(now.reads-last.reads, seconds)
		fmt.Fprintf(out, "%4d s %9s %10s %10s %14s %7s %8s %12s\n",
			n, reads, percent(hits.HitRatio()), rate(now.queries-last.queries, seconds), reads,
			count(now.cache.Merged-last.cache.Merged), count(now.cache.Refused-last.cache.Refused),
			count(now.stale-last.stale))
		last = now
	}
}

// compare prints the results side by side.
func compare(out io.Writer, results []result) {
	rows := []struct {
		name string
		cell func(r result) string
	}{
		{"", func(r result) string { return r.side }},
		{"reads", func(r result) string { return count(r.reads) }},
		{"reads/s", func(r result) string { return rate(r.reads, r.took.Seconds()) }},
		{"writes acknowledged", func(r result) string { return count(r.writes) }},
		{"hit ratio", func(r result) string { return percent(r.cache.HitRatio()) }},
		{"database queries", func(r result) string { return count(r.queries) }},
		{"database queries/read", func(r result) string { return decimal(per(r.queries, r.reads), 4) }},
		{"loads merged", func(r result) string { return count(r.cache.Merged) }},
		{"fills refused, overtaken", func(r result) string { return count(r.cache.Refused) }},
		{"stale reads", func(r result) string { return count(r.stale) }},
		{"stale reads per million", func(r result) string { return count(int64(1e6*per(r.stale, r.reads) + 0.5)) }},
		{"longest staleness", func(r result) string { return r.longest.Round(time.Millisecond).String() }},
		{"keys wrong when all is quiet", func(r result) string { return count(r.wrong) }},
	}
	fmt.Fprintln(out)
	for _, row := range rows {
		fmt.Fprintf(out, "%-28s", row.name)
		for _, r := range results {
			fmt.Fprintf(out, " %16s", row.cell(r))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprint(out, `
Who joins a load that is under way has missed, but asks nothing of the database. Hits include stale ones.
`)
	for _, r := range results {
		conclude(out, r)
	}
}

// conclude says in a sentence what the numbers of one side mean.
func conclude(out io.Writer, r result) {
	fmt.Fprintf(out, "%s: %s reads took %s database queries; ", r.side, count(r.reads), count(r.queries))
	switch {
	case r.stale == 0 && r.wrong == 0:
		fmt.Fprintln(out, "none of them was stale.")
	case r.wrong == 0:
		fmt.Fprintf(out, "%s of them were stale.\n", count(r.stale))
	default:
		fmt.Fprintf(out, "%s of them were stale.\n", count(r.stale))
		fmt.Fprintf(out, "%*sKeys that stay wrong until they are written again or their TTL ends: %s.\n",
			len(r.side)+2, "", count(r.wrong))
	}
	if r.failed > 0 {
		fmt.Fprintf(out, "%*s%s reads and writes failed, the first with: %v\n",
			len(r.side)+2, "", count(r.failed), r.failure)
	}
}

// count formats n with its thousands apart: 1,234,567.
func count(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func rate(n int64, seconds float64) string { return count(int64(float64(n)/max(seconds, 1e-9) + 0.5)) }

func percent(share float64) string { return decimal(100*share, 1) + "%" }

func decimal(x float64, digits int) string { return strconv.FormatFloat(x, 'f', digits, 64) }

func per(n, d int64) float64 { return float64(n) / float64(max(d, 1)) }
