package cdc

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// Stats counts what a Decoder has seen since it was made.
type Stats struct {
	Messages  int64 // that Decode was given
	Malformed int64 // of them: errors
	Ignored   int64 // of them: heartbeats, marks of transactions, statements that end no row, and the like

	Changes   int64 // of rows and of whole tables; a message of Canal may tell of many
	Unmapped  int64 // of them: of tables that the mapping does not name
	Snapshots int64 // of them: rows that a snapshot found, ignored

	Events     int64 // returned
	Clears     int64 // tables whose caches were cleared
	Incomplete int64 // keys that could not be made: records that may have stayed in a cache
}

type counters struct {
	messages, malformed, ignored, changes, unmapped, snapshots, events, clears, incomplete atomic.Int64
}

// Stats returns a snapshot.
func (d *Decoder) Stats() Stats {
	c := &d.counts
	return Stats{
		Messages: c.messages.Load(), Malformed: c.malformed.Load(), Ignored: c.ignored.Load(),
		Changes: c.changes.Load(), Unmapped: c.unmapped.Load(), Snapshots: c.snapshots.Load(),
		Events: c.events.Load(), Clears: c.clears.Load(), Incomplete: c.incomplete.Load(),
	}
}

// incomplete counts and reports a key that could not be made.
func (d *Decoder) incomplete(k *key, what Incomplete) {
	d.counts.incomplete.Add(1)
	if d.mapping.Report != nil {
		d.mapping.Report(what)
		return
	}
	side, why := 0, 0
	if what.Old {
		side = 1
	}
	if what.State == Unreadable {
		why = 1
	}
	if k.told[side][why].Swap(true) {
		return
	}
	slog.Default().WarnContext(context.Background(), "cachet: a change does not tell a key of the cache",
		slog.String("table", what.Table), slog.String("cache", what.Cache), slog.String("column", what.Column),
		slog.String("op", string(what.Op)), slog.Bool("old", what.Old), slog.String("state", what.State.String()))
}
