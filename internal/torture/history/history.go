// Package history holds what readers and writers report of a run, and checks it against what the database did.
package history

import (
	"sync"

	"github.com/cachet-go/cachet/internal/torture/source"
)

// How tells by which method a key was read.
type How uint8

// The ways to read.
const (
	Get How = iota
	GetMany
	Fresh
	Hurried // a Get whose caller may leave
)

func (h How) String() string { return [...]string{"Get", "GetMany", "Fresh", "Get with a deadline"}[h] }

// Read is a read that returned a version.
type Read struct {
	Start, End int64 // by package clock, as all times
	Version    uint32
	Process    uint16
	How        How
}

// Outcome is how an Update ended.
type Outcome uint8

// The outcomes of an Update.
const (
	Acknowledged Outcome = iota
	NotInvalidated
	NotWritten // refused by the strategy or by the database, or nobody knows
)

func (o Outcome) String() string {
	return [...]string{"acknowledged", "not invalidated", "not written, or unknown"}[o]
}

// Write is an Update that returned.
type Write struct {
	Start, End int64
	Version    uint32 // 0 if it did not come so far
	Process    uint16
	Outcome    Outcome
}

// Key is what happened to one key.
type Key struct {
	Reads   []Read
	Writes  []Write
	Commits []source.Commit
}

// Tally counts what has no place in the history of a key.
type Tally struct {
	Reads, Writes, Batches    int64
	ReadErrors                int64
	Acknowledged, Unconfirmed int64
	Hits, Misses, Loads       int64
	Refused, Merged, Waits    int64
	Refreshes, StaleHits      int64
	Pending                   int64
}

// Add adds another's counts.
func (t *Tally) Add(o Tally) {
	t.Reads += o.Reads
	t.Writes += o.Writes
	t.Batches += o.Batches
	t.ReadErrors += o.ReadErrors
	t.Acknowledged += o.Acknowledged
	t.Unconfirmed += o.Unconfirmed
	t.Hits += o.Hits
	t.Misses += o.Misses
	t.Loads += o.Loads
	t.Refused += o.Refused
	t.Merged += o.Merged
	t.Waits += o.Waits
	t.Refreshes += o.Refreshes
	t.StaleHits += o.StaleHits
	t.Pending += o.Pending
}

// History is what happened to all keys. Its methods may be called concurrently; its fields are for when nobody
// reports any more.
type History struct {
	mu sync.Mutex
	// Guarded by mu.
	Keys   []Key
	Tally  Tally
	Errors []string // the first few
}

// New returns an empty history of n keys.
func New(n int) *History { return &History{Keys: make([]Key, n)} }

// Counts returns how much has been reported so far.
func (h *History) Counts() Tally {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.Tally
}
