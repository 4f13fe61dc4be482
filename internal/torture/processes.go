package main

import (
	"context"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/cachet-go/cachet/internal/torture/clock"
)

func killClient(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 50*time.Millisecond, 600*time.Millisecond)
	m := w.victim(dice)
	w.notef("kill of %d", m.process)
	w.murder(m)
}

func stopClient(ctx context.Context, w *world, dice *rand.Rand) {
	m := w.victim(dice)
	w.notef("stop of %d", m.process)
	m.signal(syscall.SIGSTOP)
	sleep(ctx, dice, 100*time.Millisecond, 3*time.Second)
	m.signal(syscall.SIGCONT)
	w.notef("%d goes on", m.process)
	sleep(ctx, dice, 0, time.Second)
}

func stopRedis(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, 1500*time.Millisecond)
	w.notef("stop of Redis")
	w.server.Pause()
	sleep(ctx, dice, 20*time.Millisecond, 1500*time.Millisecond)
	w.server.Resume()
	w.notef("Redis goes on")
}

func debugSleep(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, time.Second)
	w.notef("DEBUG SLEEP")
	w.do("debug", "sleep", 0.05+dice.Float64())
}

func restart(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 100*time.Millisecond, 2*time.Second)
	w.notef("kill of Redis")
	w.server.Kill()
	sleep(ctx, dice, 0, 500*time.Millisecond)
	w.server.Restart()
	w.notef("Redis is back")
}

// restartFromDump has Redis lose what it acknowledged after the dump.
func restartFromDump(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, time.Second)
	from := clock.Now()
	w.do("save")
	sleep(ctx, dice, 50*time.Millisecond, time.Second)
	w.notef("kill of Redis")
	lost := clock.Now()
	w.server.Kill()
	w.server.Restart()
	w.lost(from, lost)
	w.notef("Redis is back from its dump")
}

func failOver(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 500*time.Millisecond, 2*time.Second)
	w.notef("kill of the master")
	w.failOver()
	w.notef("there is a new master")
}

// loseAndFailOver keeps from the replicas what is acknowledged for a while, and kills the master.
func loseAndFailOver(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 500*time.Millisecond, 2*time.Second)
	from := clock.Now()
	w.awaitReplicas() // or what they are behind by would be lost as well
	w.notef("stop of the replicas")
	replicas := slices.Clone(w.sentinel.Replicas)
	for _, r := range replicas {
		r.Pause()
	}
	w.sentinel.Master.Do("client", "kill", "type", "replica") // what is on its way to them is lost with the connection
	sleep(ctx, dice, 50*time.Millisecond, 250*time.Millisecond)
	w.notef("kill of the master")
	lost := clock.Now()
	w.sentinel.Master.Kill()
	for _, r := range replicas {
		r.Resume()
	}
	w.failOver()
	w.lost(from, lost)
	w.notef("there is a new master, which has lost something")
}

func (w *world) failOver() {
	w.failing.Store(true)
	w.sentinel.Failover()
	time.Sleep(500 * time.Millisecond) // until all sentinels say so
	w.failing.Store(false)
}
