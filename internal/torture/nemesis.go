package main

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet/internal/torture/worker"
)

// servers is what there is of Redis.
type servers int

const (
	single servers = iota
	wrongClock
	withSentinels
	withSlots
)

// act is something that goes wrong once, and is right again when it returns. It does not outlast ctx by much.
type act func(ctx context.Context, w *world, dice *rand.Rand)

// nemesis is what goes wrong in a phase.
type nemesis struct {
	name, what string
	servers    servers
	acts       []act // at once, each over and over
	setup      func(*worker.Config)
	fencesGo   bool // lost with the server's memory or before their time, so that reads are not linearizable
	limit      bool // of the promise: stale copies are expected, and are gone when their time is over
}

// nemeses are all of them, in the order in which they act.
var nemeses = [...]nemesis{
	{name: "calm", what: "nothing"},
	{name: "kill", what: "readers and fenced writers are killed", acts: []act{killClient}, setup: fencedOnly},
	{
		name: "stop-clients", what: "processes stand still, for longer than leases and fences",
		acts: []act{stopClient, stopClient},
	},
	{name: "stop-redis", what: "Redis stands still, for longer than a lease", acts: []act{stopRedis}},
	{name: "sleep", what: "DEBUG SLEEP", acts: []act{debugSleep}},
	{name: "cut", what: "connections are cut", acts: []act{cut, cut}},
	{name: "client-kill", what: "CLIENT KILL", acts: []act{killConnections}},
	{
		name: "black-hole", what: "what is sent to Redis is swallowed, or what it answers",
		acts: []act{blackHole, blackHole},
	},
	{name: "late", what: "what was sent arrives after its sender has given up", acts: []act{late, late}},
	{name: "flush", what: "FLUSHALL", acts: []act{flush}, fencesGo: true},
	{name: "evict", what: "maxmemory, with every policy", acts: []act{evict}, fencesGo: true, setup: largeValues},
	{name: "restart", what: "Redis is killed and starts empty", acts: []act{restart}, fencesGo: true},
	{name: "clock", what: "Redis's clock jumps by up to 5 s", servers: wrongClock, acts: []act{jump}, fencesGo: true},
	{name: "client-clocks", what: "wall clocks of processes are off by up to 5 s", setup: wrongClocks},
	{name: "slots", what: "slots of a cluster move", servers: withSlots, acts: []act{moveSlot}},
	{
		name: "failover", what: "Sentinel promotes a replica; invalidations wait for all of them",
		servers: withSentinels, acts: []act{failOver}, setup: waitForReplicas, fencesGo: true,
	},
	{
		name: "storm", what: "all that leaves fences standing, at once",
		acts: []act{killClient, stopClient, stopRedis, cut, killConnections, blackHole, late}, setup: fencedOnly,
	},
	{
		name: "flood", what: "all that leaves processes alone but for stopping them, at once", fencesGo: true,
		acts: []act{stopClient, cut, killConnections, blackHole, late, flush, evict, restart},
	},
	{
		name: "dump", what: "Redis restarts from an old dump (a limit)",
		acts: []act{restartFromDump}, fencesGo: true, limit: true,
	},
	{
		name: "lossy-failover", what: "a failover loses acknowledged DELs (a limit)",
		servers: withSentinels, acts: []act{loseAndFailOver}, fencesGo: true, limit: true,
	},
	{
		name: "kill-unfenced", what: "writers without a fence are killed (a limit)",
		acts: []act{killClient}, setup: plainOnly, limit: true,
	},
}

// dawdle is how long writers that are to be killed there stay before and after their commit, at most.
const dawdle = 200 * time.Millisecond

func fencedOnly(cfg *worker.Config) {
	cfg.Plain, cfg.Fenced, cfg.Linger = worker.Callers{}, worker.Callers{Readers: 8, Writers: 6}, dawdle
}

func plainOnly(cfg *worker.Config) {
	cfg.Plain, cfg.Fenced, cfg.Linger = worker.Callers{Readers: 8, Writers: 6}, worker.Callers{}, dawdle
}

func largeValues(cfg *worker.Config) { cfg.Pad = 4 << 10 }

func wrongClocks(cfg *worker.Config) { cfg.Skew = 5 * time.Second }

func waitForReplicas(cfg *worker.Config) { cfg.Replicas = 2 }

// sleep sleeps for a time between two, by chance, or until ctx ends.
func sleep(ctx context.Context, dice *rand.Rand, least, most time.Duration) {
	t := time.NewTimer(least + time.Duration(dice.Int64N(int64(most-least))))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// rage lets a nemesis act until ctx ends.
func (w *world) rage(ctx context.Context, seed uint64) {
	done := make(chan struct{})
	for i, a := range w.nemesis.acts {
		dice := rand.New(rand.NewPCG(seed, uint64(i)))
		go func() {
			for ctx.Err() == nil {
				a(ctx, w, dice)
			}
			done <- struct{}{}
		}()
	}
	for range w.nemesis.acts {
		<-done
	}
	<-ctx.Done()
}
