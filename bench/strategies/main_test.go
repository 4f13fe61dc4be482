package main

import (
	"bytes"
	"encoding/xml"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// for each run; the trials that take long are for the program.
const short = 250 * time.Millisecond

// pick returns the rows of some names.
func pick(t *testing.T, names ...string) (rows []strategy) {
	t.Helper()
	for _, s := range strategies() {
		if slices.Contains(names, s.Name) {
			rows = append(rows, s)
		}
	}
	require.Len(t, rows, len(names))
	return rows
}

func TestTheUsualOrdersAreStaleAndOursAreNot(t *testing.T) {
	dir := t.TempDir()
	cfg := config{
		database: "sqlite", each: short, seed: 3,
		html: filepath.Join(dir, "a.html"), markdown: filepath.Join(dir, "a.md"), svg: filepath.Join(dir, "a.svg"),
	}
	rep, err := run(t.Context(), t, cfg, pick(t, "delete, then update", "aside, Fence", "doubledelete, in Redis", "queue, doubledelete, Fence"), t.Output())
	require.NoError(t, err)
	require.NoError(t, rep.write(cfg))
	var usual int64
	for tr, results := range rep.Results {
		require.Len(t, results, len(rep.Rows))
		for i, r := range results {
			require.Positive(t, r.Reads, r.Strategy)
			require.Positive(t, r.Writes, r.Strategy)
			switch {
			case !rep.Rows[i].Ours:
				usual += r.Stale
			case r.claim.kind == never:
				require.True(t, r.Kept(), "%s, %s: %d stale, %d wrong", trial(tr), r.Strategy, r.Stale, r.Wrong)
			}
		}
	}
	require.Positive(t, usual, "a workload that shows nothing proves nothing")
}

// The bounds in time need a machine that has some to spare, so that they are the program's to check.
func TestPostgreSQLIsMeasuredToo(t *testing.T) {
	rows := pick(t, "update, then delete", "aside, Fence and ReplicaLag")
	rep, err := run(t.Context(), t, config{database: "postgres", each: 2 * short, seed: 1}, rows, t.Output())
	require.NoError(t, err)
	require.Positive(t, rep.Results[lag][0].Stale, "a loader reads the old record from the replica after the delete")
	require.Zero(t, rep.Results[stalls][1].Stale)
	require.Zero(t, rep.Results[crashes][1].Stale)
	require.Zero(t, rep.Results[crashes][1].Wrong)
}

func TestOneFileHasTheWholeReport(t *testing.T) {
	rep := newReport(config{each: time.Second}, "a <database>", strategies())
	for tr := range trial(trials) {
		for i, s := range rep.Rows {
			rep.add(tr, result{Strategy: s.Name, Reads: 1e6, Stale: int64(i * i * i), Longest: time.Duration(i) * time.Second, claim: s.claims[tr]})
		}
	}
	var page, table, chart bytes.Buffer
	require.NoError(t, rep.html(&page))
	require.NotContains(t, strings.ReplaceAll(page.String(), `xmlns="http://www.w3.org/2000/svg"`, ""), "http", "it asks the network")
	require.Contains(t, page.String(), "a &lt;database&gt;")
	require.Equal(t, len(quantities), strings.Count(page.String(), "<svg "))
	require.NoError(t, rep.markdown(&table))
	for _, s := range rep.Rows {
		require.Equal(t, 1, strings.Count(table.String(), "| "+s.Name+" |"))
	}
	require.NoError(t, rep.chart(&chart, perMillion))
	for dec := xml.NewDecoder(&chart); ; {
		if _, err := dec.Token(); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
	}
}

func TestAPromiseThatIsBrokenFailsTheRun(t *testing.T) {
	rows := promising()[:1]
	for stale, want := range map[int64]error{0: nil, 1: errBroken} {
		rep := newReport(config{}, "", rows)
		rep.add(stalls, result{Reads: 10, Stale: stale, claim: rows[0].claims[stalls]})
		require.ErrorIs(t, rep.verdict(io.Discard), want)
	}
}

func TestAgesCountFromTheAcknowledgement(t *testing.T) {
	o := newOracle(1)
	before := o.begin(0)
	require.Zero(t, o.age(before, 0), "the first version")
	o.start(0)
	o.commit(0, 7, 2)
	require.Zero(t, o.age(o.begin(0), 0), "committed is not acknowledged")
	o.ack(0, 7)
	stale := o.age(o.begin(0), 0)
	require.Positive(t, stale.first)
	require.Zero(t, stale.quiet, "the write is under way")
	o.end(0)
	time.Sleep(time.Millisecond)
	stale = o.age(o.begin(0), 0)
	require.GreaterOrEqual(t, stale.first, stale.quiet)
	require.GreaterOrEqual(t, stale.quiet, time.Millisecond)
	require.Zero(t, o.age(before, 0), "it began before")
	require.Zero(t, o.age(o.begin(0), 7))
	require.Zero(t, o.age(o.begin(0), 99), "nobody knows how old it is")
	require.EqualValues(t, 1, o.phantoms())
	require.Positive(t, o.lag(0, 1, time.Now().Add(time.Millisecond)))
	require.Zero(t, o.lag(0, 2, time.Now()))
}
