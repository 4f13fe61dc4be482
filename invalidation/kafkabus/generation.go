package kafkabus

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// generation is the time between two rebalances: which partitions the member has, and how far they are handled. What
// it commits bears its number, so that the broker refuses it once others have taken over.
type generation struct {
	member *member
	gen    *kafka.Generation
	given  map[string]int  // by this member, see balancer.take
	topics []string        // of the member
	ctx    context.Context //nolint:containedctx // that of Subscribe
	broker *network        // of the group

	// fetching ends with the generation, and with Subscribe; handling ends Config.Drain later.
	fetching, handling context.Context //nolint:containedctx // of the goroutines of the generation
	stop, abort        context.CancelFunc
	partitions         sync.WaitGroup
	all                sync.WaitGroup

	mu    sync.Mutex
	done  map[string]map[int]int64 // guarded by mu: offsets to commit
	dirty bool                     // guarded by mu
	other bool                     // guarded by mu: there are other topics than the member has
}

func newGeneration(
	ctx context.Context, m *member, n *network, gen *kafka.Generation, given map[string]int, topics []string,
) *generation {
	g := &generation{
		member: m, gen: gen, given: given, topics: topics, ctx: ctx, broker: n, done: make(map[string]map[int]int64),
	}
	g.fetching, g.stop = context.WithCancel(ctx)
	g.handling, g.abort = context.WithCancel(context.WithoutCancel(ctx))
	return g
}

// run consumes until the generation ends and what is under way has been handled.
func (g *generation) run() {
	defer g.abort()
	defer g.stop()
	context.AfterFunc(g.fetching, func() {
		time.AfterFunc(g.member.sub.cfg.Drain, g.abort)
	})
	for topic, assigned := range g.gen.Assignments {
		for _, a := range assigned {
			g.partitions.Add(1)
			g.start(func() {
				defer g.partitions.Done()
				newPartition(g, target{topic, a.ID}, a.Offset).run()
			})
		}
	}
	g.start(g.commitLoop)
	g.start(g.watch)
	g.partitions.Wait()
	if g.ctx.Err() != nil { // nobody is to wait for a broker that does not answer
		defer time.AfterFunc(g.member.sub.timing.leave, g.broker.sever).Stop()
	}
	g.all.Wait()
}

// start runs f as part of the generation, which ends when f does, and which waits for it before it ends.
func (g *generation) start(f func()) {
	g.all.Add(1)
	g.gen.Start(func(ctx context.Context) {
		defer g.all.Done()
		defer g.stop()
		unhook := context.AfterFunc(ctx, g.stop)
		defer unhook()
		f()
	})
}

// handled notes that all messages of a partition below offset next are done with.
func (g *generation) handled(to target, next int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.done[to.topic] == nil {
		g.done[to.topic] = make(map[int]int64)
	}
	g.done[to.topic][to.partition] = next
	g.dirty = true
}

// commitLoop commits now and then, and at last.
func (g *generation) commitLoop() {
	tick := time.NewTicker(g.member.sub.timing.commit)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if !g.commit() {
				return
			}
		case <-g.fetching.Done():
			g.partitions.Wait()
			g.commit()
			return
		}
	}
}

// commit reports whether the member may go on in this generation. Offsets that it could not commit are tried again
// with the next.
func (g *generation) commit() bool {
	g.mu.Lock()
	if !g.dirty {
		g.mu.Unlock()
		return true
	}
	offsets := make(map[string]map[int]int64, len(g.done))
	for topic, of := range g.done {
		offsets[topic] = maps.Clone(of)
	}
	g.dirty = false
	g.mu.Unlock()

	err := g.gen.CommitOffsets(offsets)
	if err == nil {
		g.member.sub.counters.commits.Add(1)
		return true
	}
	g.member.sub.counters.commitErrors.Add(1)
	g.member.sub.reporter.report(g.handling, "committing offsets", err)
	g.mu.Lock()
	g.dirty = true
	g.mu.Unlock()
	var code kafka.Error
	return errors.As(err, &code) && code.Temporary() &&
		code != kafka.NotCoordinatorForGroup && code != kafka.GroupCoordinatorNotAvailable
}

// watch ends the generation when the member should join anew: because there are partitions that it did not give to
// anybody when that was its task, or other topics than it joined with.
func (g *generation) watch() {
	for {
		if !sleep(g.fetching, g.member.sub.timing.watch) {
			return
		}
		counts, err := g.member.partitions(g.fetching)
		if err != nil {
			continue // nothing is known; fetches fail, too
		}
		now := existing(g.member.sub.cfg.sources(), counts)
		if len(now) != len(g.topics) {
			g.mu.Lock()
			g.other = true
			g.mu.Unlock()
			return
		}
		for topic, n := range counts {
			if g.given != nil && n > g.given[topic] {
				return
			}
		}
	}
}

// otherTopics reports whether the generation ended because the member is to join with other topics.
func (g *generation) otherTopics() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.other
}
