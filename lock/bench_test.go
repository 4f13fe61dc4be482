package lock_test

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
func raw(tb testing.TB, client *redis.Client, n int) {
	tb.Helper()
	owner := fmt.Sprint("owner-", n)
	if ok, err := client.SetNX(context.Background(), "raw", owner, 10*time.Second).Result(); err != nil || !ok {
		tb.Error("raw", ok, err)
	}
	if err := rawRelease.Run(context.Background(), client, []string{"raw"}, owner).Err(); err != nil {
		tb.Error(err)
	}
}

func cycle(ctx context.Context, tb testing.TB, l *lock.Locker) {
	tb.Helper()
	k, err := l.Lock(ctx, "ours")
	if err != nil {
		tb.Error(err)
		return
	}
	if err := k.Unlock(); err != nil {
		tb.Error(err)
	}
}

// The ratio is that of alternating cycles, as the machine is not ours alone.
func BenchmarkUncontended(b *testing.B) {
	b.Run("background", func(b *testing.B) { uncontended(context.Background(), b) })
	b.Run("cancellable", func(b *testing.B) { uncontended(b.Context(), b) })
}

func uncontended(ctx context.Context, b *testing.B) {
	b.Helper()
	server := redistest.Start(b)
	client := server.Client(b)
	l := open(b, client)
	var ours, bare []time.Duration
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		start := time.Now()
		raw(b, client, n)
		middle := time.Now()
		cycle(ctx, b, l)
		bare = append(bare, middle.Sub(start))
		ours = append(ours, time.Since(middle))
	}
	slices.Sort(ours)
	slices.Sort(bare)
	b.ReportMetric(float64(ours[len(ours)/2])/float64(bare[len(bare)/2]), "x-raw")
	b.ReportMetric(float64(ours[len(ours)/2].Nanoseconds())/1e3, "p50-µs/lock")
}

// BenchmarkHotKey is one key with 32 goroutines that want it, in one process and in eight, against a loop of
// SET NX PX and script that nobody contends with.
func BenchmarkHotKey(b *testing.B) {
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
		lockers[i] = open(b, server.Client(b))
		cycle(context.Background(), b, lockers[i])
	}
	const stretch = 300 * time.Millisecond
	var bare, ours, asked int
	counts := make([]int64, processes*goroutines)
	var longest atomic.Int64
	for b.Loop() {
		for end := time.Now().Add(stretch); time.Now().Before(end); bare++ {
			raw(b, client, bare)
		}
		before := commands(server)
		var all sync.WaitGroup
		end := time.Now().Add(stretch)
		for i := range counts {
			all.Go(func() {
				for time.Now().Before(end) {
					start := time.Now()
					cycle(context.Background(), b, lockers[i%processes])
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
		asked += commands(server) - before
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

// BenchmarkWake has a hundred wait in ten processes for a lock that is let go of once. Each that gets it lets it go.
func BenchmarkWake(b *testing.B) {
	server := redistest.Start(b)
	holder := open(b, server.Client(b))
	lockers := make([]*lock.Locker, 10)
	for i := range lockers {
		lockers[i] = open(b, server.Client(b))
	}
	var firsts, alls []time.Duration
	var asked, idle, n int
	for b.Loop() {
		n++
		k := take(b, holder, "ours")
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
		before := commands(server)
		time.Sleep(200 * time.Millisecond)
		waited := commands(server)
		freed = time.Now()
		if err := k.Unlock(); err != nil {
			b.Error(err)
		}
		all.Wait()
		alls = append(alls, time.Since(freed))
		firsts = append(firsts, <-first)
		asked += commands(server) - waited
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
