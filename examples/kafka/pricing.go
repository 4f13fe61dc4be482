package main

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

// Pricing is the service that owns the prices. It has no cache, and no connection to Kafka or Redis when it writes.
type Pricing struct {
	db    *sql.DB
	box   *outbox.Box
	cache string
}

// NewPricing returns the service on a database that has the tables of Schema. The name of the storefront's cache is,
// with the text of its keys, what the two services have agreed upon.
func NewPricing(db *sql.DB, cache string) *Pricing {
	return &Pricing{db: db, box: outbox.New(outbox.SQLite), cache: cache}
}

// Schema returns what it needs in the database.
func (p *Pricing) Schema() string {
	return `CREATE TABLE prices (id INTEGER PRIMARY KEY, cents INTEGER NOT NULL, version INTEGER NOT NULL);` +
		p.box.Schema()
}

// Change is a write that has committed.
type Change struct {
	ID, Version int64
	Event       string // the id of the event that committed with it
}

// Set writes a price, and in the same transaction the event that tells of it: either both are there or neither is,
// wherever this process dies.
func (p *Pricing) Set(ctx context.Context, id, cents int64) (Change, error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return Change{}, err
	}
	defer tx.Rollback()
	c := Change{ID: id}
	err = tx.QueryRowContext(ctx, `
		INSERT INTO prices (id, cents, version) VALUES (?, ?, 1)
		ON CONFLICT (id) DO UPDATE SET cents = excluded.cents, version = version + 1
		RETURNING version`, id, cents).Scan(&c.Version)
	if err != nil {
		return Change{}, err
	}
	event := invalidation.NewEvent("pricing", invalidation.Key(p.cache, strconv.FormatInt(id, 10)))
	if err := p.box.Add(ctx, tx, event); err != nil { // after the write, so that events keep the order of the writes
		return Change{}, err
	}
	if err := tx.Commit(); err != nil {
		return Change{}, err
	}
	p.box.Kick() // else the relay sees it when it looks next
	c.Event = event.ID
	return c, nil
}

// Relay publishes what Set has put into the outbox, until ctx ends. Every process of the service runs one, and one of
// them does the work.
func (p *Pricing) Relay(ctx context.Context, publisher invalidation.Publisher) error {
	return p.box.Relay(ctx, p.db, publisher)
}
