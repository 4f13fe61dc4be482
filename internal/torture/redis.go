package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/torture/clock"
	"github.com/cachet-go/cachet/internal/torture/wrongclock"
)

// do executes a command on the one server, if that is there.
func (w *world) do(args ...any) any { return w.ask(w.server.Addr, args...) }

func (w *world) ask(addr string, args ...any) any {
	client := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, MaxRetries: -1, DialerRetries: 1})
	defer client.Close() //nolint:errcheck // nothing is lost
	v, err := client.Do(context.Background(), args...).Result()
	if err != nil {
		return nil
	}
	return v
}

// withClock starts a server whose clock can be set.
func (w *world) withClock() *redistest.Server {
	c, err := wrongclock.New(w.TempDir())
	if err != nil {
		w.Fatalf("%v", err)
	}
	w.Cleanup(func() { _ = c.Close() })
	w.clock = c
	return redistest.StartIn(w, c.Environment())
}

// setClock puts the server's clock off by d.
func (w *world) setClock(d time.Duration) {
	if err := w.clock.Set(d); err != nil {
		w.Fatalf("%v", err)
	}
}

// withSentinels starts a master that is down after a second: a machine that is busy should not look like one.
func (w *world) withSentinels() {
	w.sentinel = redistest.StartSentinel(w)
	for _, addr := range w.sentinel.Addrs() {
		w.ask(addr, "sentinel", "set", redistest.Service, "down-after-milliseconds", 1000)
	}
	ctx, stop := context.WithCancel(context.Background())
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		w.watch(ctx)
	}()
	w.Cleanup(func() {
		stop()
		<-watched
	})
}

var offset = regexp.MustCompile(`(?:slave|master)_repl_offset:(\d+)`)

// replicated is how much of what a master has executed a server has.
func (w *world) replicated(s *redistest.Server) int {
	found := offset.FindStringSubmatch(fmt.Sprint(w.ask(s.Addr, "info", "replication")))
	if found == nil {
		return 0
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		w.Fatalf("%v", err)
	}
	return n
}

// awaitReplicas waits until the replicas have what the master has now.
func (w *world) awaitReplicas() {
	now := w.replicated(w.sentinel.Master)
	for _, r := range w.sentinel.Replicas {
		for w.replicated(r) < now {
			time.Sleep(time.Millisecond)
		}
	}
}

// disorder is how long around a failover that nobody asked for there may have been two masters.
const disorder = 2 * time.Second

// watch notes whom the sentinels name. If they replace a master that lives, it goes on serving whoever has not heard
// of it, which is a documented limit.
func (w *world) watch(ctx context.Context) {
	last := make(map[string]string)
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		for _, addr := range w.sentinel.Addrs() {
			named := fmt.Sprint(w.ask(addr, "sentinel", "get-master-addr-by-name", redistest.Service))
			if named == last[addr] || named == "<nil>" {
				continue
			}
			w.notef("the sentinel %s names %s", addr, named)
			if last[addr] != "" && !w.failing.Load() {
				w.notef("nobody asked for that")
				from := clock.Now() - int64(disorder)
				time.Sleep(disorder)
				w.lost(from, from)
			}
			last[addr] = named
		}
	}
}
