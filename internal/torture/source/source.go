// Package source is the database, as far as the promise is concerned: a register per row, kept by one process and
// served to the others. What it says is the truth that their caches are held to.
package source

import (
	"errors"
	"slices"
	"sync"

	"github.com/cachet-go/cachet/internal/torture/clock"
)

// ErrRefused is the error of a commit that was not made: another overtook it, or its time was over.
var ErrRefused = errors.New("source: the commit is refused")

// Commit is one version of a row, with the interval of time in which it became the current one.
type Commit struct {
	Version    uint32
	Begin, End int64
}

// Source is the database. All methods may be called concurrently.
type Source struct{ rows []row }

type row struct {
	mu sync.Mutex
	// Guarded by mu.
	drawn   uint32 // the last version that a transaction has been given
	version uint32
	commits []Commit
}

// New returns a source of n rows, each at version 1.
func New(n int) *Source {
	s := &Source{rows: make([]row, n)}
	for i := range s.rows {
		s.rows[i].drawn, s.rows[i].version = 1, 1
	}
	return s
}

// Read returns the current version of a row.
func (s *Source) Read(key int) uint32 {
	r := &s.rows[key]
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.version
}

// Begin returns the version that a transaction will make, if it commits. No other has the same.
func (s *Source) Begin(key int) uint32 {
	r := &s.rows[key]
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drawn++
	return r.drawn
}

// Commit makes a version the current one, unless a later one is or the deadline, by package clock, is over: the
// time-out of a transaction, which is how a database keeps a writer from committing after its fence.
func (s *Source) Commit(key int, version uint32, deadline int64) error {
	r := &s.rows[key]
	r.mu.Lock()
	defer r.mu.Unlock()
	begin := clock.Now()
	if version <= r.version || begin > deadline {
		return ErrRefused
	}
	r.version = version
	r.commits = append(r.commits, Commit{version, begin, clock.Now()})
	return nil
}

// Commits returns what has been committed to a row, in order.
func (s *Source) Commits(key int) []Commit {
	r := &s.rows[key]
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clip(r.commits)
}
