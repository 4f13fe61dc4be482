package outbox

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
)

// Box is the table cache_outbox of one database. Make it with New. Its methods may be called concurrently.
type Box struct {
	// Error is told, once per outage, that the relay cannot read the table or publish and repeats it, and of each batch
	// of events that it parks. Set it before Relay is called. nil: slog.Default, at level Warn
	Error func(context.Context, error)

	grammar *grammar
	kick    chan struct{}

	published, failed, parked, leading atomic.Int64
}

// New returns a Box. It panics if there is no such dialect.
func New(dialect Dialect) *Box {
	if dialect < Postgres || dialect > SQLite {
		panic(fmt.Sprintf("outbox: New: no dialect %d", dialect))
	}
	return &Box{grammar: &grammars[dialect], kick: make(chan struct{}, 1)}
}

// Schema returns the statement that creates the table, if it is not there; in SQLite it is two statements. Run it where
// migrations are run. Other columns, indexes and partitions are the user's to add.
func (b *Box) Schema() string { return b.grammar.schema }

// Kick has the relay look at the table now, if it is this process's that was elected: call it after a commit. It does
// not block. Without it an event is seen within a second, and within 20 ms while the table is in use.
func (b *Box) Kick() {
	select {
	case b.kick <- struct{}{}:
	default:
	}
}

func (b *Box) report(ctx context.Context, err error) {
	if b.Error != nil {
		b.Error(ctx, err)
		return
	}
	slog.Default().WarnContext(ctx, "cachet", slog.Any("error", err))
}
