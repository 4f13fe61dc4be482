package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// report is what all runs came to.
type report struct {
	Database string
	Each     time.Duration
	Seed     uint64
	Rows     []strategy
	Results  [trials][]result // in the order of Rows
}

func newReport(cfg config, database string, rows []strategy) report {
	return report{Database: database, Each: cfg.each, Seed: cfg.seed, Rows: rows}
}

func (r *report) add(t trial, res result) { r.Results[t] = append(r.Results[t], res) }

// write writes the files that were asked for.
func (r *report) write(cfg config) error {
	return errors.Join(
		toFile(cfg.html, r.html), toFile(cfg.markdown, r.markdown),
		toFile(cfg.svg, func(w io.Writer) error { return r.chart(w, perMillion) }),
	)
}

func toFile(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name) //nolint:gosec // the user's wish
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// finding is one line of the verdict.
type finding struct {
	Good bool
	Text string
	// promise is false for what only shows that the workload is hard enough.
	promise bool
}

// findings returns the verdict.
func (r *report) findings() (all []finding) {
	add := func(promise, good bool, format string, args ...any) {
		all = append(all, finding{Good: good, Text: fmt.Sprintf(format, args...), promise: promise})
	}
	for t, results := range r.Results {
		for i, res := range results {
			switch c := res.claim; {
			case res.Lag >= bound && c.kind == bounded:
				add(false, false, "%s, %s: nothing can be said, as the replica was behind by %v",
					trial(t), res.Strategy, res.Lag.Round(time.Millisecond))
			case c.kind == never:
				add(true, res.Kept(), "%s, %s: nothing stale, in %s reads (%d stale, %d wrong at rest)",
					trial(t), res.Strategy, thousands(res.Reads), res.Stale, res.Wrong)
			case c.kind == bounded:
				add(true, res.Kept(),
					"%s, %s: nothing stale %v after the last write, in %s reads (at most %v after it; %d wrong at rest; "+
						"lag up to %v, sleepers up to %v late)",
					trial(t), res.Strategy, res.limit().Round(time.Millisecond), thousands(res.Reads),
					res.Last.Round(time.Millisecond), res.Wrong, res.Lag.Round(time.Millisecond), res.Late.Round(time.Millisecond))
			case !r.Rows[i].Ours && trial(t) == lag:
				// A bound that nobody breaks would prove nothing.
				if r.Rows[i].Name == "update, then delete" {
					add(false, res.Over > 0, "%s, %s: stale %v after the last write (%d; up to %v after it)",
						trial(t), res.Strategy, most, res.Over, res.Last.Round(time.Millisecond))
				}
			case !r.Rows[i].Ours:
				add(false, res.Stale > 0 || res.Wrong > 0, "%s, %s: stale (%d, %d wrong at rest)",
					trial(t), res.Strategy, res.Stale, res.Wrong)
			}
		}
	}
	return all
}

// verdict prints the findings. It returns errBroken if a promise was broken.
func (r *report) verdict(out io.Writer) (err error) {
	fmt.Fprintln(out)
	for _, f := range r.findings() {
		word := "yes"
		switch {
		case !f.Good && f.promise:
			word, err = "BROKEN", errBroken
		case !f.Good:
			word = "no"
		}
		fmt.Fprintf(out, "%-6s %s\n", word, f.Text)
	}
	return err
}
