package bench_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
)

var rawRelease = redis.NewScript(
	`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)

// raw takes a lock and lets it go by what everybody writes first.
func raw(client *redis.Client, n int) error {
	owner := fmt.Sprint("owner-", n)
	if ok, err := client.SetNX(context.Background(), "raw", owner, 10*time.Second).Result(); err != nil || !ok {
		return fmt.Errorf("taken: %v: %w", ok, err)
	}
	return rawRelease.Run(context.Background(), client, []string{"raw"}, owner).Err()
}

func cycle(ctx context.Context, l *lock.Locker) error {
	k, err := l.Lock(ctx, "ours")
	if err != nil {
		return err
	}
	return k.Unlock()
}

func locker(b *testing.B, client *redis.Client) *lock.Locker {
	b.Helper()
	l := lock.New(client)
	b.Cleanup(func() { _ = l.Close() })
	return l
}

// A lock that nobody else wants, against SET NX PX and a script that releases: with a context that cannot end, and with
// one that can.
func BenchmarkLock(b *testing.B) {
	for name, ctx := range map[string]context.Context{"background": context.Background(), "cancellable": b.Context()} {
		b.Run(name, func(b *testing.B) {
			client := redistest.Start(b).Client(b)
			l := locker(b, client)
			n := 0
			pair(b,
				func() error { return cycle(ctx, l) },
				func() error { n++; return raw(client, n) })
		})
	}
}

// BenchmarkLockHotKey is one key with 32 goroutines that want it, in one process and in eight, against a loop of
// SET NX PX and script that nobody contends with.
func BenchmarkLockHotKey(b *testing.B) {
	for _, processes := range []int{1, 8} {
		b.Run(fmt.Sprintf("%dx%d", processes, 32/processes), func(b *testing.B) { hotKey(b, processes, 32/processes) })
	}
}

func hotKey(b *testing.B, processes, goroutines int) {
	b.Helper()
	server := redistest.Start(b)
	client := server.Client(b)
	lockers := make([]*lock.Locker, processes)
	for i := range lockers {
		lockers[i] = locker(b, server.Client(b))
		if err := cycle(context.Background(), lockers[i]); err != nil {
			b.Fatal(err)
		}
	}
	const stretch = 300 * time.Millisecond
	var bare, ours, asked int
	counts := make([]int64, processes*goroutines)
	var longest atomic.Int64
	for b.Loop() {
		for end := time.Now().Add(stretch); time.Now().Before(end); bare++ {
			if err := raw(client, bare); err != nil {
				b.Fatal(err)
			}
		}
		before := server.Scripts()
		var all sync.WaitGroup
		end := time.Now().Add(stretch)
		for i := range counts {
			all.Go(func() {
				for time.Now().Before(end) {
					start := time.Now()
					if err := cycle(context.Background(), lockers[i%processes]); err != nil {
						b.Error(err)
						return
					}
					counts[i]++
					for d := int64(time.Since(start)); ; {
						if old := longest.Load(); old >= d || longest.CompareAndSwap(old, d) {
							break
						}
					}
				}
			})
		}
		all.Wait()
		asked += server.Scripts() - before
	}
	var sum, squares float64
	for _, n := range counts {
		ours += int(n)
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	b.ReportMetric(float64(ours)/float64(bare), "x-raw-uncontended")
	b.ReportMetric(float64(ours)/(float64(b.N)*stretch.Seconds()), "locks/s")
	b.ReportMetric(float64(asked)/float64(ours), "requests/lock")
	b.ReportMetric(sum*sum/(float64(len(counts))*squares), "jain")
	b.ReportMetric(float64(longest.Load())/1e6, "ms-longest")
}

// BenchmarkLockWake has a hundred wait in ten processes for a lock that is let go of once. Each that gets it lets it go.
func BenchmarkLockWake(b *testing.B) {
	server := redistest.Start(b)
	holder := locker(b, server.Client(b))
	lockers := make([]*lock.Locker, 10)
	for i := range lockers {
		lockers[i] = locker(b, server.Client(b))
	}
	var firsts, alls []time.Duration
	var asked, idle, n int
	for b.Loop() {
		n++
		k, err := holder.Lock(b.Context(), "ours")
		if err != nil {
			b.Fatal(err)
		}
		var all sync.WaitGroup
		var freed time.Time
		first := make(chan time.Duration, 1)
		for i := range 100 {
			all.Go(func() {
				k, err := lockers[i%len(lockers)].Lock(b.Context(), "ours")
				if err != nil {
					b.Error(err)
					return
				}
				select {
				case first <- time.Since(freed):
				default:
				}
				if err := k.Unlock(); err != nil {
					b.Error(err)
				}
			})
		}
		for server.Do("zcard", "lock:{ours}:q") != int64(len(lockers)) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond)
		before := server.Scripts()
		time.Sleep(200 * time.Millisecond)
		waited := server.Scripts()
		freed = time.Now()
		if err := k.Unlock(); err != nil {
			b.Error(err)
		}
		all.Wait()
		alls = append(alls, time.Since(freed))
		firsts = append(firsts, <-first)
		asked += server.Scripts() - waited
		idle += waited - before
	}
	slices.Sort(firsts)
	slices.Sort(alls)
	b.ReportMetric(firsts[len(firsts)/2].Seconds()*1e3, "ms-first-p50")
	b.ReportMetric(firsts[len(firsts)*99/100].Seconds()*1e3, "ms-first-p99")
	b.ReportMetric(alls[len(alls)/2].Seconds()*1e3, "ms-all-p50")
	b.ReportMetric(float64(asked)/float64(n), "requests")
	b.ReportMetric(float64(idle)/(0.2*float64(n)), "requests/s-idle")
}
