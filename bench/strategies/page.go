package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"time"
)

//go:embed page.html.tmpl
var pageText string

//nolint:gochecknoglobals // parsed once
var pageTemplate = template.Must(template.New("page").Parse(pageText))

type page struct {
	*report
	Charts   []template.HTML
	Findings []finding
	Trials   []pageTrial
	Columns  []column

	Keys, Readers, Writers, Processes int
	Bound, Most                       time.Duration
}

type pageTrial struct {
	Name, Story string
	Lag         string // the longest that was met
	Rows        []pageRow
}

type pageRow struct {
	strategy
	Cells []string
	Note  string // what is promised or, if anything was stale, why
	Class string
}

// html writes one file that needs no other.
func (r *report) html(w io.Writer) error {
	p := page{
		report: r, Findings: r.findings(), Columns: columns(),
		Keys: keys, Readers: readers, Writers: writers, Processes: processes, Bound: bound, Most: most,
	}
	for _, q := range &quantities {
		var svg bytes.Buffer
		if err := r.chart(&svg, q); err != nil {
			return err
		}
		p.Charts = append(p.Charts, template.HTML(svg.String())) //nolint:gosec // ours, and escaped
	}
	for t, results := range r.Results {
		pt := pageTrial{Name: trial(t).String(), Story: trial(t).Story()}
		var behind time.Duration
		for i, res := range results {
			behind = max(behind, res.Lag)
			row := pageRow{strategy: r.Rows[i], Note: res.note(), Class: class(r.Rows[i], &res, float64(res.Stale))}
			for _, c := range p.Columns {
				row.Cells = append(row.Cells, c.cell(&res))
			}
			pt.Rows = append(pt.Rows, row)
		}
		if trial(t) == lag {
			pt.Lag = behind.Round(time.Millisecond).String()
		}
		p.Trials = append(p.Trials, pt)
	}
	return pageTemplate.Execute(w, p)
}

// note says what was to be expected.
func (r *result) note() string {
	switch c := r.claim; {
	case !r.Kept():
		return "BROKEN: this was promised not to happen"
	case c.kind == never:
		return "promised: nothing stale"
	case c.kind == bounded:
		return "promised: nothing stale " + r.limit().Round(time.Millisecond).String() + " after the last write"
	case r.Stale == 0 && r.Wrong == 0:
		return "nothing promised: " + c.why
	default:
		return c.why
	}
}

// column is one of a table, and what it means.
type column struct {
	Name, Meaning string
	cell          func(*result) string
}

func columns() []column {
	ms := func(d time.Duration) string { return inMilliseconds(milliseconds(d)) }
	return []column{
		{"reads", "How many reads were made.", func(r *result) string { return thousands(r.Reads) }},
		{
			"stale per million", "Of a million reads, how many began after a write was acknowledged and returned an older " +
				"version of the record. A write counts as acknowledged when the call returned nil, at the death of a writer " +
				"that was killed after its commit, and a second after a call that said that it could not invalidate.",
			func(r *result) string { return whole(r.PerMillion()) },
		},
		{
			"longest", "The longest time between the first acknowledged write that a read missed and the begin of that read. " +
				"Records live for a minute, so a run cannot show more than its own length.",
			func(r *result) string { return ms(r.Longest) },
		},
		{
			"after the last write", "The longest time after the last write of a record was over, and no other under way, at " +
				"which a reader still got an older version. Strategies with a bound promise this one. The one before may be " +
				"longer, by as much as the replica lags, where a record is written again while the replica has yet to apply " +
				"the write before.",
			func(r *result) string { return ms(r.Last) },
		},
		{
			"later than " + most.String() + ", per million",
			"Of a million reads, how many were stale and began later than that after the last write was over.",
			func(r *result) string { return whole(r.OverPerMillion()) },
		},
		{
			"wrong at rest", "How many records the caches return in another version than the database holds, when all " +
				"processes have rested and the replica has caught up. Nobody repairs these before the TTL ends.",
			func(r *result) string { return strconv.Itoa(r.Wrong) },
		},
		{
			"phantoms", "How many reads returned what was never committed.",
			func(r *result) string { return thousands(r.Phantoms) },
		},
		{
			"queries per 1,000 reads", "How many queries for a record the database got for a thousand reads.",
			func(r *result) string { return whole(r.QueriesPerThousand()) },
		},
		{"write p50", "The median time of a write, with its commit.", func(r *result) string { return ms(r.P50) }},
		{"write p99", "The time within which 99 of 100 writes were done.", func(r *result) string { return ms(r.P99) }},
		{
			"trips per write", "How often a writer waited for Redis, on the average. What is done later, or by others, is not " +
				"among it.",
			func(r *result) string { return strconv.FormatFloat(r.TripsPerWrite(), 'f', 1, 64) },
		},
	}
}

// thousands formats n with its thousands apart: 1,234,567.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
