package main

import (
	"sync"
	"time"
)

// oracle knows which version of each record the database has acknowledged, and so which answers are stale.
//
// A reader asks it before it reads. What it is told then, the read must not fall short of: the write had been
// acknowledged before the read began. Newer versions are no offence.
type oracle struct{ ledgers []ledger }

// ledger is what is known of one record. Its versions are numbered by the database, in the order of commits.
type ledger struct {
	mu sync.Mutex
	// Guarded by mu.
	acked     int64               // the largest version that was acknowledged; version 1 is there from the start
	underWay  int                 // writes
	ended     time.Time           // the last write that was under way
	versions  map[int64]int64     // of writes, by their number
	committed map[int64]time.Time // by version: when that was known
	replaced  []time.Time         // by version: when a newer one was first acknowledged
	unknown   map[int64]int64     // reads of writes of which no commit is known, by their number
}

func newOracle(keys int) *oracle {
	o := &oracle{ledgers: make([]ledger, keys)}
	for i := range o.ledgers {
		l := &o.ledgers[i]
		l.versions, l.committed, l.unknown = map[int64]int64{0: 1}, make(map[int64]time.Time), make(map[int64]int64)
		l.acked = 1
		l.replaced = make([]time.Time, 1)
	}
	return o
}

// moment is what was known of a record when a read began.
type moment struct {
	key   int
	acked int64 // the version that the read has to know of
	began time.Time
	quiet time.Duration // for how long no write had been under way
}

// begin returns the moment.
func (o *oracle) begin(key int) moment {
	l := &o.ledgers[key]
	l.mu.Lock()
	defer l.mu.Unlock()
	m := moment{key: key, acked: l.acked, began: time.Now()}
	if l.underWay == 0 && !l.ended.IsZero() {
		m.quiet = m.began.Sub(l.ended)
	}
	return m
}

// start notes that a write is under way, and end that it is not any more.
func (o *oracle) start(key int) {
	l := &o.ledgers[key]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay++
}

func (o *oracle) end(key int) {
	l := &o.ledgers[key]
	l.mu.Lock()
	defer l.mu.Unlock()
	l.underWay--
	l.ended = time.Now()
}

// commit notes that write has become version.
func (o *oracle) commit(key int, write, version int64) {
	l := &o.ledgers[key]
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.versions[write], l.committed[version] = version, now
	delete(l.unknown, write)
}

// ack notes that a write is acknowledged.
func (o *oracle) ack(key int, write int64) {
	l := &o.ledgers[key]
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	version, ok := l.versions[write]
	if !ok {
		return
	}
	for int64(len(l.replaced)) < version {
		l.replaced = append(l.replaced, now)
	}
	l.acked = int64(len(l.replaced))
}

// age is for how long what a read returned had been out of date when the read began. Zero: it was not.
type age struct {
	first time.Duration // since the first of the writes that it misses was acknowledged
	quiet time.Duration // since the last write of the record was over; 0 if one was under way
}

// age returns the age of what a read has returned that began at m.
func (o *oracle) age(m moment, write int64) age {
	l := &o.ledgers[m.key]
	l.mu.Lock()
	defer l.mu.Unlock()
	version, ok := l.versions[write]
	if !ok {
		l.unknown[write]++
		return age{}
	}
	if version >= m.acked {
		return age{}
	}
	return age{first: max(m.began.Sub(l.replaced[version]), 1), quiet: m.quiet}
}

// lag returns how far a query that began at a time and returned version was behind what had been committed.
func (o *oracle) lag(key int, version int64, began time.Time) time.Duration {
	l := &o.ledgers[key]
	l.mu.Lock()
	defer l.mu.Unlock()
	next, ok := l.committed[version+1]
	if !ok {
		return 0
	}
	return max(0, began.Sub(next))
}

// phantoms returns how many reads returned what was never committed. It is right when no write is under way.
func (o *oracle) phantoms() (n int64) {
	for i := range o.ledgers {
		l := &o.ledgers[i]
		l.mu.Lock()
		for _, reads := range l.unknown {
			n += reads
		}
		l.mu.Unlock()
	}
	return n
}
