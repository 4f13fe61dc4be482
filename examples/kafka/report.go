package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cachet-go/cachet"
)

// verdict is what a run came to.
type verdict struct {
	account

	reads, stale, late int64
	longest            time.Duration // ago that a stale read's price had been replaced
	prices, wrong      int64
	failed             int64
	failure            error
}

// good reports whether what was promised was kept. Late reads are no breach: a bound is not promised.
func (v verdict) good() bool { return v.wrong == 0 && v.waiting() == 0 && v.failed == 0 }

func (s *system) verdict(prices, wrong int64) verdict {
	t := s.traffic
	v := verdict{
		account: s.ledger.account(), reads: t.reads.Load(), stale: t.stale.Load(), late: t.late.Load(),
		longest: time.Duration(t.longest.Load()), prices: prices, wrong: wrong, failed: t.failed.Load(),
	}
	if first := t.failure.Load(); first != nil {
		v.failure = *first
	}
	return v
}

func introduce(out io.Writer, cfg config) {
	kafka, cache := "a Kafka in this process", "in memory"
	if cfg.brokers != "" {
		kafka = "Kafka at " + cfg.brokers
	}
	if cfg.redis != "" {
		cache = "in Redis at " + cfg.redis
	}
	fmt.Fprintf(out, `Pricing writes %d prices in SQLite, with events in an outbox. They go through %s
to a worker, which deletes what Storefront has cached %s. A read is stale if it returns an older price
than had been committed before it began, and late if that was more than %v before.

`, cfg.products, kafka, cache, cfg.bound)
}

const header = `                          from commit to deleted
      writes/s  deleted/s      p50      p99      max  waiting  reads/s    stale   late  hit ratio`

// progress prints a line about each second until ctx ends.
func (s *system) progress(ctx context.Context, out io.Writer) {
	fmt.Fprintln(out, header)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var last verdict
	var hits cachet.Stats
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, cache := s.verdict(0, 0), s.storefront.prices.Stats()
		fresh := now.latencies[len(last.latencies):]
		ratio := cachet.Stats{Hits: cache.Hits - hits.Hits, Misses: cache.Misses - hits.Misses}.HitRatio()
		note := ""
		if s.away.Load() {
			note = "  the worker is away"
		}
		fmt.Fprintf(out, "%2d s %9d %10d %8v %8v %8v %8d %8d %8d %6d %9.1f%%%s\n", n, now.written-last.written, len(fresh),
			percentile(fresh, 50), percentile(fresh, 99), percentile(fresh, 100), now.waiting(), now.reads-last.reads,
			now.stale-last.stale, now.late-last.late, 100*ratio, note)
		last, hits = now, cache
	}
}

// print says what v means.
func (v verdict) print(out io.Writer, cfg config) {
	all := v.latencies
	fmt.Fprintf(out, "\n%d writes. %d were deleted from the cache, p50 %v, p99 %v, at most %v after their commit.\n",
		v.written, len(all), percentile(all, 50), percentile(all, 99), percentile(all, 100))
	if cfg.pause > 0 {
		fmt.Fprintf(out, "The worker was away for %v of it. What was written meanwhile waited in Kafka.\n", cfg.pause)
	}
	fmt.Fprintf(out, "%d events were lost, %d came twice, which does no harm.\n", v.waiting(), v.duplicates)
	fmt.Fprintf(out, "%d reads. %d were stale, by %v at most; %d of them by more than %v.\n",
		v.reads, v.stale, v.longest.Round(100*time.Microsecond), v.late, cfg.bound)
	fmt.Fprintf(out, "%d prices were read once more when all was quiet: %d were wrong.\n", v.prices, v.wrong)
	if v.failed > 0 {
		fmt.Fprintf(out, "%d reads and writes failed, the first with: %v\n", v.failed, v.failure)
	}
}

// percentile returns the smallest that is not below p percent of all. It is 0 if there are none.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[(len(sorted)*p+99)/100-1].Round(100 * time.Microsecond)
}
