package main

import (
	"sync"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/invalidation"
)

// strategy is a row of the tables.
type strategy struct {
	Name string
	Code string // what makes it, or its steps
	Ours bool
	open func(*process) (subject, error)
	// settle is how long after a run something may still be under way, besides what every strategy is given.
	settle time.Duration
	claims [trials]claim
}

// claim is what a strategy promises in a trial.
type claim struct {
	kind  kind
	bound time.Duration // of bounded
	made  bool          // by a process that has to get to it, when the bound is over
	why   string        // there is no promise
}

type kind int

const (
	nothing kind = iota // is promised
	never               // is anything stale
	bounded             // is the time for which it is
)

const (
	fence = 2 * time.Second
	bound = 500 * time.Millisecond
	// most is the age that tells who keeps to a bound and who has none: a delayed delete has to be made, too.
	most = bound + 100*time.Millisecond
)

var (
	nothingStale  = claim{kind: never}
	boundedStale  = claim{kind: bounded, bound: bound}
	delayedDelete = claim{kind: bounded, bound: bound, made: true}
)

func noPromise(why string) claim { return claim{why: why} }

// usual returns a row of what programs have without a library. It promises nothing in any trial.
func usual(name, steps, why string, settle time.Duration, makes func(*process) *naive) strategy {
	s := strategy{Name: name, Code: steps, settle: settle}
	for t := range s.claims {
		s.claims[t] = noPromise(why)
	}
	s.open = func(p *process) (subject, error) {
		n := makes(p)
		n.later = new(sync.WaitGroup)
		return n, nil
	}
	return s
}

func inOrder(o order) func(*process) *naive {
	return func(p *process) *naive { return &naive{process: p, order: o} }
}

func twice(delay time.Duration) func(*process) *naive {
	return func(p *process) *naive { return &naive{process: p, order: doubleDelete, delay: delay} }
}

const (
	staleFill = "a reader loads the old record, the writer commits and deletes, the reader stores the old record"
	noReplica = "a reader loads the old record from the replica after the delete; needs ReplicaLag or a delayed delete"
	forgotten = "a delayed delete in memory dies with its process; needs a Scheduler"
	diesFirst = "a writer that dies between its commit and its delete has not deleted; needs Fence"
)

// strategies returns the rows, in the order of the tables.
func strategies() []strategy {
	return append([]strategy{
		usual("update cache, then database", "SET, UPDATE",
			"two writers: SET 1, SET 2, UPDATE 2, UPDATE 1. A writer that dies after its SET leaves what never was", 0,
			inOrder(cacheThenDB)),
		usual("update database, then cache", "UPDATE, SET",
			"two writers: UPDATE 1, UPDATE 2, SET 2, SET 1", 0, inOrder(dbThenCache)),
		usual("delete, then update", "DEL, UPDATE",
			"a reader loads the old record between the two, and stores it", 0, inOrder(deleteThenDB)),
		usual("update, then delete", "UPDATE, DEL", staleFill, 0, inOrder(dbThenDelete)),
		usual("the same, readers lock to load", "UPDATE, DEL; SET NX around a load",
			staleFill+": the writer has no lock", 0,
			func(p *process) *naive { return &naive{process: p, order: dbThenDelete, lock: true} }),
		usual("double delete, 20 ms", "DEL, UPDATE, DEL, 20 ms, DEL",
			staleFill+", later than the delay", 20*time.Millisecond, twice(20*time.Millisecond)),
		usual("double delete, 500 ms", "DEL, UPDATE, DEL, 500 ms, DEL",
			"stale for the delay. A writer that dies has scheduled nothing", bound, twice(bound)),
		usual("double delete, 3 s", "DEL, UPDATE, DEL, 3 s, DEL",
			"stale for the delay, which is longer than it need be", 3*time.Second, twice(3*time.Second)),
	}, promising()...)
}

// promising returns the rows of this library.
func promising() []strategy {
	row := func(
		name, code string, settle time.Duration, claims [trials]claim,
		makes func(parts) (cachet.Strategy, func() error),
	) strategy {
		return strategy{Name: name, Code: code, Ours: true, settle: settle, claims: claims, open: openOurs(makes)}
	}
	plain := func(s cachet.Strategy) func(parts) (cachet.Strategy, func() error) {
		return func(parts) (cachet.Strategy, func() error) { return s, nil }
	}
	return []strategy{
		row("aside", "aside.Strategy{}", 0,
			[trials]claim{nothingStale, noPromise(diesFirst), noPromise(noReplica)}, plain(aside.Strategy{})),
		row("aside, Fence", "aside.Strategy{Fence: 2 s}", 0,
			[trials]claim{nothingStale, nothingStale, noPromise(noReplica)}, plain(aside.Strategy{Fence: fence})),
		row("aside, ReplicaLag", "aside.Strategy{ReplicaLag: 500 ms}", bound,
			[trials]claim{nothingStale, noPromise(diesFirst), boundedStale}, plain(aside.Strategy{ReplicaLag: bound})),
		row("aside, Fence and ReplicaLag", "aside.Strategy{Fence: 2 s, ReplicaLag: 500 ms}", bound,
			[trials]claim{nothingStale, nothingStale, boundedStale}, plain(aside.Strategy{Fence: fence, ReplicaLag: bound})),
		row("doubledelete, in memory", "doubledelete.New({Delay: 500 ms})", bound,
			[trials]claim{nothingStale, noPromise(forgotten), delayedDelete},
			func(parts) (cachet.Strategy, func() error) {
				return doubledelete.New(doubledelete.Options{Delay: bound}), nil
			}),
		row("doubledelete, in Redis", "doubledelete.New({Delay: 500 ms, Scheduler: redisqueue})", 2*bound,
			[trials]claim{nothingStale, delayedDelete, delayedDelete},
			func(p parts) (cachet.Strategy, func() error) {
				scheduler, closes := inRedis(p)
				return doubledelete.New(doubledelete.Options{Delay: bound, Scheduler: scheduler}), closes
			}),
		row("queue", "invalidation.Strategy{Publisher: bus}", 0,
			[trials]claim{
				noPromise("a write is acknowledged when its event is published, which is before it is applied; needs Eager"),
				noPromise("a writer that dies between its commit and its event has published nothing; needs an outbox"),
				noPromise(noReplica),
			},
			func(p parts) (cachet.Strategy, func() error) {
				p.bus.consume(p.store, invalidation.Options{})
				return invalidation.Strategy{Publisher: p.bus}, nil
			}),
		row("queue, doubledelete, Fence",
			"invalidation.Strategy{Publisher: bus, Inner: "+
				"doubledelete.New({Delay: 500 ms, Within: aside.Strategy{Fence: 2 s}})}",
			bound, [trials]claim{nothingStale, nothingStale, delayedDelete},
			func(p parts) (cachet.Strategy, func() error) {
				p.bus.consume(p.store, invalidation.Options{Fenced: true})
				inner := doubledelete.New(doubledelete.Options{Delay: bound, Within: aside.Strategy{Fence: fence}})
				return invalidation.Strategy{Publisher: p.bus, Inner: inner}, nil
			}),
	}
}
