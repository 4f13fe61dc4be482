// Command peers puts cachet and the libraries that its users would otherwise take through the same work: the same
// records, the same Redis, the same run. Each measurement has a process and a redis-server of its own, so that a peer
// that panics or hangs spoils nothing.
//
//	go run ./bench/peers                      everything, in less than 25 minutes
//	go run ./bench/peers -only stampede       one scenario, or several: -only stampede,locks
//	go run ./bench/peers -libs cachet,otter   some libraries
//	go run ./bench/peers -quick               a fifth of the time: for trying it out
//
// What it finds is printed as Markdown and saved as JSON, which bench/report turns into docs/benchmarks.md. It ends
// with what cachet demands of itself, and status 1 if that does not hold.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/peers/scenario"
)

func main() {
	var o options
	only := flag.String("only", "", "scenarios to run, comma separated; all if empty")
	libs := flag.String("libs", "", "libraries to measure, comma separated; all if empty")
	flag.StringVar(&o.json, "json", "peers.json", "where to save the figures")
	flag.StringVar(&o.markdown, "md", "", "where to save the tables, which are printed anyway")
	flag.BoolVar(&o.opts.Quick, "quick", false, "a fifth of the time")
	flag.BoolVar(&o.opts.Large, "large", false, "let the cache grow to 5 million keys: takes 5 GB and some minutes more")
	child := flag.String("child", "", "scenario/case/library: what a child process is to measure")
	flag.Parse()
	adapter.Quiet()
	if *child != "" {
		os.Exit(measure(*child, o.opts)) //nolint:forbidigo // this is main
	}
	o.only, o.libs = list(*only), list(*libs)
	os.Exit(o.status()) //nolint:forbidigo // this is main
}

// options is what a run was asked for.
type options struct {
	only, libs     []string
	json, markdown string
	opts           scenario.Options
}

// status is what a run ends with.
func (o *options) status() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := o.run(ctx)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "peers:", err)
		return 2
	case !ok:
		return 1
	}
	return 0
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

func wanted(names []string, name string) bool { return len(names) == 0 || slices.Contains(names, name) }
