// Package adapter puts the peers behind one small interface, each in a file of its own and in the configuration that
// its documentation recommends where the data must be right. What an option is for, and where that is written, stands
// beside it.
package adapter

import (
	"context"
	"errors"
	"time"

	"github.com/cachet-go/cachet/internal/redistest"
)

// Cache is a read-through cache of products.
type Cache interface {
	Get(ctx context.Context, id int64) (Product, error)
	// Update writes to the source and acknowledges when nil is returned.
	Update(ctx context.Context, id int64, write func(context.Context) error) error
	Invalidate(ctx context.Context, ids ...int64) error
	Close() error
}

// Batch is implemented by caches that read many records in one call.
type Batch interface {
	GetMany(ctx context.Context, ids []int64) (map[int64]Product, error)
}

// ErrAbsent is what loaders return for a record that does not exist.
var ErrAbsent = errors.New("no such product")

// Config is the same for every library.
type Config struct {
	Addr     string // of Redis
	TTL      time.Duration
	Load     func(ctx context.Context, id int64) (Product, error)
	LoadMany func(ctx context.Context, ids []int64) (map[int64]Product, error)

	Impatient bool            // Redis will be away
	Sent      *redistest.Sent // counts commands, if not nil and if the library lets its client be watched
}

// Library is one that is measured.
type Library struct {
	Name   string
	Module string // the Go module, for its version

	Copies    bool // it answers from copies in the process, besides those in Redis
	InProcess bool // no Redis takes part
	Reference bool // not a library, but what one is compared with
	OnlyHits  bool // takes part in the speed of hits only
	NoBatch   bool
	NoAbsence bool // has no way to remember that a record does not exist

	New func(Config) (Cache, error)
}

// Libraries are the caches, in the order in which they are reported.
func Libraries() []Library {
	return []Library{
		cachetLibrary, rockscacheLibrary, goRedisCacheLibrary, rueidisasideLibrary, jetcacheLibrary, goZeroLibrary,
		gocacheLibrary, sturdycLibrary, otterLibrary, naiveLibrary, rueidisLibrary,
	}
}

// deleteAfterWrite is Update for libraries that have none: cache-aside as their documentation shows it.
func deleteAfterWrite(ctx context.Context, c Cache, id int64, write func(context.Context) error) error {
	if err := write(ctx); err != nil {
		return err
	}
	return c.Invalidate(ctx, id)
}
