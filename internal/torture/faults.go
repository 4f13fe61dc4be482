package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"time"
)

func cut(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, 200*time.Millisecond)
	m := w.victim(dice)
	w.notef("the connections of %d are cut", m.process)
	m.proxy.Cut()
}

func blackHole(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, 500*time.Millisecond)
	m := w.victim(dice)
	if dice.IntN(2) == 0 {
		w.notef("%d is sent no replies", m.process)
		m.proxy.Mute(true)
	} else {
		w.notef("what %d sends is swallowed", m.process)
		m.proxy.Blackhole(true)
	}
	sleep(ctx, dice, 50*time.Millisecond, time.Second)
	m.proxy.Blackhole(false)
	m.proxy.Cut()
	w.notef("the connections of %d are cut", m.process)
}

func late(ctx context.Context, w *world, dice *rand.Rand) {
	m := w.victim(dice)
	w.notef("what %d sends is held up", m.process)
	m.proxy.Hold()
	sleep(ctx, dice, 50*time.Millisecond, 2*time.Second)
	m.proxy.Release()
	w.notef("what %d sent arrives", m.process)
	sleep(ctx, dice, 0, 300*time.Millisecond)
}

func killConnections(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, 300*time.Millisecond)
	kind := []string{"normal", "pubsub"}[dice.IntN(2)]
	w.notef("CLIENT KILL TYPE %s", kind)
	w.do("client", "kill", "type", kind, "skipme", "yes")
}

func flush(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, 300*time.Millisecond)
	w.notef("FLUSHALL")
	w.do("flushall")
}

var policies = [...]string{
	"noeviction", "allkeys-lru", "allkeys-lfu", "allkeys-random",
	"volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl",
}

var usedMemory = regexp.MustCompile(`used_memory:(\d+)`)

// evict leaves Redis less memory than it uses.
func evict(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, 200*time.Millisecond)
	found := usedMemory.FindStringSubmatch(fmt.Sprint(w.do("info", "memory")))
	if found == nil {
		return
	}
	used, err := strconv.Atoi(found[1])
	if err != nil {
		w.Fatalf("%v", err)
	}
	policy := policies[dice.IntN(len(policies))]
	limit := used - dice.IntN(used/10)
	w.notef("maxmemory of %d instead of %d, %s", limit, used, policy)
	w.do("config", "set", "maxmemory-policy", policy, "maxmemory", limit)
	sleep(ctx, dice, 50*time.Millisecond, time.Second)
	w.do("config", "set", "maxmemory", 0)
	w.notef("no maxmemory")
}

func jump(ctx context.Context, w *world, dice *rand.Rand) {
	off := time.Duration(dice.Int64N(int64(10*time.Second))) - 5*time.Second
	w.notef("Redis's clock is off by %v", off.Round(time.Millisecond))
	w.setClock(off)
	sleep(ctx, dice, 20*time.Millisecond, time.Second)
}

func moveSlot(ctx context.Context, w *world, dice *rand.Rand) {
	sleep(ctx, dice, 0, 20*time.Millisecond)
	from, to := w.cluster.Servers[dice.IntN(3)], w.cluster.Servers[dice.IntN(3)]
	key, _ := from.Do("randomkey").(string)
	if key == "" || from == to {
		return
	}
	slot := w.cluster.Slot(key)
	w.notef("slot %d moves", slot)
	end := w.cluster.Migrate(slot, to)
	sleep(ctx, dice, 0, 100*time.Millisecond)
	end()
	w.notef("slot %d has moved", slot)
}
