// The torture program has several processes read and write through caches that share a Redis, makes things go wrong
// while they do, and checks what each read returned against what the database did:
//
//	go run ./internal/torture -for 10m -nemesis all
//
// A run ends with a verdict, and with status 1 if a promise was broken; then the seed and the history of the key are
// printed. The same seed gives the same faults at the same times, and the callers the same dice; how they meet is up
// to the scheduler. It needs redis-server, and for wrong clocks a C compiler.
package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/cachet-go/cachet/internal/torture/worker"
)

// What the program ends with, besides 0.
const (
	exitRefuted = 1 // a promise is broken
	exitBroken  = 2 // the machine lacks something, or the program is wrong
)

// longest is how long one nemesis acts before the next one does.
const longest = 30 * time.Second

func main() {
	if cfg, ok, err := worker.FromEnvironment(); ok {
		if err == nil {
			err = worker.Run(cfg, os.Stdin, os.NewFile(3, "reports"))
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(exitBroken)
		}
		return
	}
	var (
		length = flag.Duration("for", time.Minute, "how long")
		names  = flag.String("nemesis", "all", "what goes wrong: all, or some of these, by commas\n"+list())
		seed   = flag.Uint64("seed", rand.Uint64()>>32, "of the faults and of the callers' dice")
	)
	flag.Parse()
	logging.Disable()
	chosen, err := choose(*names)
	if err != nil || flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, err)
		flag.Usage()
		os.Exit(exitBroken)
	}
	again := fmt.Sprintf("go run ./internal/torture -for %v -nemesis %s -seed %d", *length, *names, *seed)
	fmt.Println(again)
	h := &host{}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() { h.Fatalf("%v", <-interrupted) }()
	run := run{host: h, seed: *seed, out: os.Stdout}
	if !run.all(chosen, *length) {
		fmt.Println("again:", again)
		os.Exit(exitRefuted)
	}
}

// choose returns the nemeses that names name.
func choose(names string) ([]nemesis, error) {
	if names == "all" {
		return nemeses[:], nil
	}
	var chosen []nemesis
	for name := range strings.SplitSeq(names, ",") {
		n, ok := find(name)
		if !ok {
			return nil, fmt.Errorf("there is no nemesis %q", name)
		}
		chosen = append(chosen, n)
	}
	return chosen, nil
}

func find(name string) (nemesis, bool) {
	for _, n := range nemeses[:] {
		if n.name == name {
			return n, true
		}
	}
	return nemesis{}, false
}

func list() string {
	var b strings.Builder
	for _, n := range nemeses[:] {
		fmt.Fprintf(&b, "%-14s %s\n", n.name, n.what)
	}
	return strings.TrimSpace(b.String())
}
