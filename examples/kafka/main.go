// Kafka shows a service that caches what another one writes. Pricing writes prices and, in the same transaction, events
// into an outbox. Storefront reads the prices, through a cache. A worker takes the events from Kafka and deletes from
// the cache what they name.
//
// It prints how long that takes, from commit to deleted, and how many reads were too early to notice. With -pause the
// worker is gone for a while: reads are as old as that, and then all is made good. The exit status is 1 if anything was
// lost, or if a price was wrong when all was quiet.
//
// pricing.go, storefront.go and worker.go are the parts to copy. In earnest each is a process of its own; here they are
// one, each with its own connections, so that there is nothing to install.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type config struct {
	total, pause, bound time.Duration
	readers, writers    int
	products            int64
	brokers, redis      string
}

func parse() (cfg config) {
	flag.DurationVar(&cfg.total, "for", 10*time.Second, "how long to run")
	flag.DurationVar(&cfg.pause, "pause", 0, "how long the worker stops, a third of the way through")
	flag.DurationVar(&cfg.bound, "bound", 250*time.Millisecond, "reads that are older than this are counted as late")
	flag.IntVar(&cfg.readers, "readers", 16, "goroutines that read")
	flag.IntVar(&cfg.writers, "writers", 4, "goroutines that write")
	flag.Int64Var(&cfg.products, "products", 200, "rows in the table")
	flag.StringVar(&cfg.brokers, "brokers", "", "`addresses` of a Kafka, with commas; without it, one in this process")
	flag.StringVar(&cfg.redis, "redis", "", "`address` of a Redis to cache in; without it, this process")
	flag.Parse()
	if flag.NArg() > 0 || cfg.total <= 0 || cfg.pause < 0 || cfg.pause > cfg.total/2 || cfg.readers < 1 ||
		cfg.writers < 1 || cfg.products < 1 {
		flag.Usage()
		os.Exit(2)
	}
	return cfg
}

func main() {
	cfg := parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	v, err := run(ctx, os.Stdout, cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, "kafka:", err)
	}
	if err != nil || !v.good() {
		os.Exit(1)
	}
}

// run opens a system and puts it to the show.
func run(ctx context.Context, out io.Writer, cfg config) (v verdict, err error) {
	s, err := open(ctx, cfg)
	if err != nil {
		return verdict{}, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	return s.show(ctx, out, cfg)
}

// show has the services at work until cfg.total is over or ctx has ended, and then looks at what they have left.
func (s *system) show(ctx context.Context, out io.Writer, cfg config) (verdict, error) {
	quiet := context.WithoutCancel(ctx) // for what comes before and after
	introduce(out, cfg)

	if err := s.start(quiet, cfg.pause); err != nil {
		return verdict{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.total)
	defer cancel()
	if cfg.pause > 0 {
		defer time.AfterFunc(cfg.total/3, s.leave).Stop()
	}
	printed := make(chan struct{})
	go func() { defer close(printed); s.progress(ctx, out) }()
	s.traffic.run(ctx, cfg.readers, cfg.writers)
	<-printed

	// Now nobody writes. What is committed is to arrive, and then each price to be right.
	late := s.await("the last events", func() bool { return s.ledger.account().waiting() == 0 })
	truth, err := versions(quiet, s.reads)
	if err != nil {
		return verdict{}, err
	}
	wrong, err := s.traffic.wrong(quiet, truth)
	if err != nil {
		return verdict{}, err
	}
	v := s.verdict(int64(len(truth)), wrong)
	v.print(out, cfg)
	return v, late
}
