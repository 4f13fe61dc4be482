package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// oracle knows which version of each product the database has acknowledged, and so which answers are stale.
//
// A reader asks it before it reads. What it is told then, the read must not fall short of: the write had returned
// to its caller before the read began. Versions that are newer are no offence, since writes go on.
type oracle struct {
	ledgers []ledger // by product id
}

// ledger is what is known of one product.
type ledger struct {
	// acked is the version of the latest acknowledged write: the largest, as two writers of one product may be
	// acknowledged in either order. 0 is that of a product which does not exist.
	acked atomic.Int64

	mu sync.Mutex
	// replaced holds, by version, when a newer one was first acknowledged. Guarded by mu. Its length is acked.
	replaced []time.Time
}

// newOracle knows products 1 to n at version 1 and the others up to ids, which do not exist.
func newOracle(n, ids int64) *oracle {
	o := &oracle{ledgers: make([]ledger, ids+1)}
	for id := int64(1); id <= n; id++ {
		o.ack(id, 1)
	}
	return o
}

// acked returns the version that a read of id which begins now has to know of.
func (o *oracle) acked(id int64) int64 { return o.ledgers[id].acked.Load() }

// ack notes that the write which made version of id has returned to its caller.
func (o *oracle) ack(id, version int64) {
	l := &o.ledgers[id]
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for int64(len(l.replaced)) < version {
		l.replaced = append(l.replaced, now)
	}
	l.acked.Store(int64(len(l.replaced)))
}

// staleness is for how long version of id has been replaced by an acknowledged one. It must have been.
func (o *oracle) staleness(id, version int64) time.Duration {
	l := &o.ledgers[id]
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.replaced[version])
}
