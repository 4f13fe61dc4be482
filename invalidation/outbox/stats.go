package outbox

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// Stats are figures of this process, since it began.
type Stats struct {
	Published int64 // events that the publisher has taken
	Failed    int64 // calls of the publisher that failed
	Parked    int64 // times that an event was set aside
	Leading   bool  // a relay of this process is the elected one; in SQLite, it was when it last found events
}

// Stats returns what the relay of this process has done.
func (b *Box) Stats() Stats {
	return Stats{
		Published: b.published.Load(),
		Failed:    b.failed.Load(),
		Parked:    b.parked.Load(),
		Leading:   b.leading.Load() > 0,
	}
}

// Depth is what waits in the table, of all processes.
type Depth struct {
	Events int64         // that are committed and not published, or published and not yet deleted
	Parked int64         // of these, those that were set aside and are tried again later
	Oldest time.Duration // the age of the oldest, by the clock of the database
}

// Depth counts the events in the table, all of which the database reads for it: call it every few seconds at most.
func (b *Box) Depth(ctx context.Context, db *sql.DB) (Depth, error) {
	var d Depth
	var seconds float64
	if err := db.QueryRowContext(ctx, b.grammar.depth).Scan(&d.Events, &d.Parked, &seconds); err != nil {
		return Depth{}, fmt.Errorf("outbox: depth: %w", err)
	}
	d.Oldest = max(0, time.Duration(seconds*float64(time.Second)))
	return d, nil
}
