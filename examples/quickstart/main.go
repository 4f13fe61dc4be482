// Quickstart shows what a cache is good for, and what the usual one does wrong.
//
// It puts cachet in front of a repository of products in SQLite and lets many goroutines read and write them, counting
// what comes back older than what the database had acknowledged. Then it does the same to the code that most
// programs have instead, and prints both side by side. The exit status is 1 if cachet returned anything stale.
//
// cached.go is the part to copy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

type config struct {
	total            time.Duration
	readers, writers int
	products         int64
	redis            string
	stall            time.Duration
	seed             uint64
}

func parse() (cfg config) {
	flag.DurationVar(&cfg.total, "for", 15*time.Second, "how long to run, both sides together")
	flag.IntVar(&cfg.readers, "readers", 64, "goroutines that read")
	flag.IntVar(&cfg.writers, "writers", 4, "goroutines that write")
	flag.Int64Var(&cfg.products, "products", 1000, "rows in the table")
	flag.StringVar(&cfg.redis, "redis", "", "`address` of a Redis to cache in; without it, this process")
	flag.DurationVar(&cfg.stall, "stall", 30*time.Millisecond, "how late the database's answers come, at most")
	flag.Uint64Var(&cfg.seed, "seed", 1, "of the random choices")
	flag.Parse()
	if flag.NArg() > 0 || cfg.total <= 0 || cfg.readers < 1 || cfg.writers < 0 || cfg.products < 1 || cfg.stall < 0 {
		flag.Usage()
		os.Exit(2)
	}
	return cfg
}

func main() {
	cfg := parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	results, err := run(ctx, os.Stdout, cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	if r := results[0]; r.stale > 0 || r.wrong > 0 {
		os.Exit(1)
	}
}

// run measures cachet and then, unless ctx has ended, the usual code.
func run(ctx context.Context, out io.Writer, cfg config) (results []result, err error) {
	dir, err := os.MkdirTemp("", "cachet-quickstart-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	var client *redis.Client
	if cfg.redis != "" {
		logging.Disable() // the caches say what fails
		client = redis.NewClient(&redis.Options{
			Addr:          cfg.redis,
			PoolSize:      cfg.readers + cfg.writers,
			DialerRetries: 1, // with the default of 5, each read waits half a second for a server that is down
		})
		defer func() { err = errors.Join(err, client.Close()) }()
		if err := client.Ping(ctx).Err(); err != nil {
			return nil, fmt.Errorf("no Redis at %s: %w", cfg.redis, err)
		}
	}
	introduce(out, cfg)
	var errs []error
	for i, open := range []func(*Repository, *redis.Client) (side, error){openCachet, openUsual} {
		if i > 0 && ctx.Err() != nil {
			break
		}
		r, err := measure(ctx, out, cfg, filepath.Join(dir, fmt.Sprint(i, ".db")), client, open)
		if r.side == "" {
			return nil, err // it did not come to run
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.side, err))
		}
		results = append(results, r)
	}
	compare(out, results)
	return results, errors.Join(errs...)
}

// measure puts one side, with a database of its own in file, through the workload.
func measure(
	ctx context.Context, out io.Writer, cfg config, file string, client *redis.Client,
	open func(*Repository, *redis.Client) (side, error),
) (_ result, err error) {
	quiet := context.WithoutCancel(ctx) // for what comes before and after
	repo, err := OpenRepository(quiet, file, cfg.stall)
	if err != nil {
		return result{}, err
	}
	defer func() { err = errors.Join(err, repo.Close()) }()
	if err := repo.Fill(quiet, cfg.products); err != nil {
		return result{}, err
	}
	s, err := open(repo, client)
	if err != nil {
		return result{}, err
	}
	w := newWorkload(cfg.products, cfg.seed)
	defer func() { err = errors.Join(err, s.clear(quiet, w.byRank)) }()

	began := time.Now()
	current := func() counts {
		return counts{
			took: time.Since(began), reads: w.reads.Load(), writes: w.writes.Load(),
			queries: repo.Queries(), stale: w.stale.Load(), cache: s.stats(),
		}
	}
	ctx, cancel := context.WithTimeout(ctx, cfg.total/2)
	defer cancel()
	var printing sync.WaitGroup
	printing.Go(func() { progress(ctx, out, s.name, current) })
	w.run(ctx, s.products, cfg.readers, cfg.writers)
	printing.Wait()

	r := result{side: s.name, counts: current(), longest: time.Duration(w.longest.Load()), failed: w.failed.Load()}
	if first := w.failure.Load(); first != nil {
		r.failure = *first
	}
	repo.stall = 0 // nothing is in flight, and what follows is not part of the show
	r.wrong, err = w.wrong(quiet, s.products, repo)
	return r, err
}
