package cachet

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Hooks observe a cache. Nil functions are silent, except for Error. They are called synchronously, by many
// goroutines at once, and must not panic.
type Hooks struct {
	// Get is called at the end of each Get, and once per key of each GetMany.
	Get func(context.Context, GetInfo)
	// Update is called at the end of each Update, UpdateMany and Invalidate.
	Update func(context.Context, UpdateInfo)
	// Error is told what no method can return: failed refreshes, values too large to store, a store that has
	// gone or come back (once each). Default: slog.Default, at level Warn.
	Error func(context.Context, error)
	// Inconsistent is told what Config.Verify finds. Default: Error, with an *InconsistencyError.
	Inconsistent func(context.Context, InconsistentInfo)
	// Advice is told, soon after New, what could be set up better, on the servers say. Nil: nobody is asked.
	Advice func(context.Context, string)
}

// Outcome says how a read was answered.
type Outcome uint8

// The outcomes of a read.
const (
	Hit    Outcome = iota // from the store, fresh
	Stale                 // from the store, past its TTL
	Loaded                // by a load that this call led
	Shared                // by joining another caller of this process
	Found                 // from the store, where somebody had put it since the look-up
	Failed                // not at all: GetInfo.Err says why
)

func (o Outcome) String() string {
	names := [...]string{"hit", "stale", "loaded", "shared", "found", "failed"}
	if int(o) >= len(names) {
		return fmt.Sprintf("Outcome(%d)", o)
	}
	return names[o]
}

// GetInfo describes a read of one key.
type GetInfo struct {
	Cache    string
	Key      string // as it stands in the store
	Outcome  Outcome
	Absent   bool // there is no such record
	Duration time.Duration
	Err      error // set if Outcome is Failed
}

// UpdateInfo describes a write.
type UpdateInfo struct {
	Cache    string
	Keys     []string // as they stand in the store
	Duration time.Duration
	Err      error // what the method returns
}

func (c *Cache[K, V]) report(ctx context.Context, err error) {
	if c.cfg.Hooks.Error != nil {
		c.cfg.Hooks.Error(ctx, err)
		return
	}
	slog.Default().WarnContext(ctx, "cachet", slog.String("cache", c.cfg.Name), slog.Any("error", err))
}
