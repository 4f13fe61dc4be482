// Strategies is a laboratory of staleness. It puts the ways to keep a cache true that are in use, and those of this
// library, through the same workload on a real database and a real Redis, counts what readers get that is older than
// what had been acknowledged, and writes a report.
//
//	go run ./bench/strategies                 # about eight minutes; PostgreSQL with a replica, and redis-server
//	go run ./bench/strategies -db sqlite      # nothing to install but redis-server; the replica is emulated
//	go run ./bench/strategies -quick          # about a minute: too short for rare races and old values
//
// The exit status is 1 if a strategy of this library has broken a promise.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type config struct {
	database string
	each     time.Duration
	quick    bool
	seed     uint64
	html     string
	markdown string
	svg      string
}

func parse(args []string) (cfg config, err error) {
	flags := flag.NewFlagSet("strategies", flag.ContinueOnError)
	flags.StringVar(&cfg.database, "db", "postgres", "postgres or sqlite")
	flags.DurationVar(&cfg.each, "for", 8*time.Second, "how long each of the runs lasts")
	flags.BoolVar(&cfg.quick, "quick", false, "300 ms for each of the runs")
	flags.Uint64Var(&cfg.seed, "seed", 1, "of the random choices")
	flags.StringVar(&cfg.html, "html", "strategies.html", "`file` of the report; empty for none")
	flags.StringVar(&cfg.markdown, "markdown", "", "`file` of the table in Markdown")
	flags.StringVar(&cfg.svg, "svg", "", "`file` of the main chart")
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	if cfg.quick {
		cfg.each = 300 * time.Millisecond
	}
	if flags.NArg() > 0 || cfg.each <= 0 || cfg.database != "postgres" && cfg.database != "sqlite" {
		flags.Usage()
		return cfg, errors.New("what is to be done?")
	}
	return cfg, nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	cfg, err := parse(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = experiment(ctx, cfg)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "strategies:", err)
		os.Exit(1) //nolint:forbidigo // a program
	}
}

// errBroken says that a promise was not kept.
var errBroken = errors.New("a promise was broken")

// experiment starts the servers, runs everything and writes the reports.
func experiment(ctx context.Context, cfg config) (err error) {
	servers := &host{}
	defer func() { err = errors.Join(err, servers.close()) }()
	rep, err := servers.try(func() (report, error) { return run(ctx, servers, cfg, strategies(), os.Stdout) })
	if err != nil {
		return err
	}
	return errors.Join(rep.write(cfg), rep.verdict(os.Stdout))
}
