package main

import (
	"slices"
	"sync"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

// ledger knows what was committed when, and when it was deleted. Its methods may be called concurrently.
type ledger struct {
	mu sync.Mutex
	// Guarded by mu.
	events     map[string]fate // by id
	commits    [][]time.Time   // by product and version: when that version was committed; version 0 never was
	latencies  []time.Duration // commit to deleted, in the order of deletion
	written    int64
	duplicates int64
}

// fate is what became of an event. The worker may be quicker to tell than the writer.
type fate struct{ committed, deleted time.Time }

// newLedger knows the products 1 to n at version 1.
func newLedger(n int64) *ledger {
	l := &ledger{events: make(map[string]fate), commits: make([][]time.Time, n+1)}
	now := time.Now()
	for i := range l.commits {
		l.commits[i] = []time.Time{{}, now}
	}
	return l
}

// committed notes a change that has just been committed.
func (l *ledger) committed(c Change) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written++
	for int64(len(l.commits[c.ID])) <= c.Version { // two writers of one product may tell in either order
		l.commits[c.ID] = append(l.commits[c.ID], now)
	}
	e := l.events[c.Event]
	e.committed = now
	l.settleLocked(c.Event, e)
}

// deleted notes events whose keys have just been deleted.
func (l *ledger) deleted(events []invalidation.Event) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, delivered := range events {
		e := l.events[delivered.ID]
		if !e.deleted.IsZero() {
			l.duplicates++
			continue
		}
		e.deleted = now
		l.settleLocked(delivered.ID, e)
	}
}

// settleLocked stores e, which has changed.
func (l *ledger) settleLocked(id string, e fate) {
	l.events[id] = e
	if !e.committed.IsZero() && !e.deleted.IsZero() {
		l.latencies = append(l.latencies, max(0, e.deleted.Sub(e.committed)))
	}
}

// newest returns the version of a product that was committed last.
func (l *ledger) newest(id int64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int64(len(l.commits[id])) - 1
}

// outdated returns for how long a version had been replaced at a time. It must have been.
func (l *ledger) outdated(id, version int64, at time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return at.Sub(l.commits[id][version+1])
}

// account is where the ledger stands.
type account struct {
	written, duplicates int64
	latencies           []time.Duration // of each change that was deleted
}

func (l *ledger) account() account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return account{written: l.written, duplicates: l.duplicates, latencies: slices.Clip(l.latencies)}
}

// waiting is how many changes are committed and not deleted.
func (a account) waiting() int64 { return a.written - int64(len(a.latencies)) }
