package main

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cachet-go/cachet/internal/redistest"
)

// run measures every strategy in every trial. It returns what it has if ctx ends.
func run(ctx context.Context, tb testing.TB, cfg config, rows []strategy, out io.Writer) (_ report, err error) {
	tb.Helper()
	var db *database
	if cfg.database == "sqlite" {
		db, err = openSQLite(ctx, tb.TempDir())
	} else {
		db, err = openPostgres(ctx, tb)
	}
	if err != nil {
		return report{}, err
	}
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("closing the database: %v", err)
		}
	})
	l := &laboratory{db: db, redis: redistest.Start(tb).Addr, seed: cfg.seed, each: cfg.each}
	rep := newReport(cfg, db.name, rows)
	all, done := trials*len(rows), 0
	fmt.Fprintf(out, "%s\n%d strategies, %d trials, %v each\n", db.name, len(rows), trials, cfg.each)
	for t := range trial(trials) {
		fmt.Fprintf(out, "\n%s\n%-32s %9s %9s %12s %9s %7s %7s\n",
			t, "", "reads", "stale", "per million", "longest", "wrong", "to go")
		for _, s := range rows {
			began := time.Now()
			done++
			r, err := l.measure(ctx, s, t)
			for again := 0; again < 2 && err == nil && r.Lag >= bound; again++ {
				fmt.Fprintf(out, "%-32s the replica was behind by %v: once more\n", s.Name, r.Lag.Round(time.Millisecond))
				r, err = l.measure(ctx, s, t)
			}
			if err != nil {
				return rep, err
			}
			rep.add(t, r)
			fmt.Fprintf(out, "%-32s %9d %9d %12.0f %9v %7d %7v\n", s.Name, r.Reads, r.Stale, r.PerMillion(),
				r.Longest.Round(time.Millisecond), r.Wrong,
				(time.Since(began) * time.Duration(all-done)).Round(time.Second))
			if ctx.Err() != nil {
				return rep, ctx.Err()
			}
		}
	}
	return rep, nil
}
