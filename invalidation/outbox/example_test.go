package outbox_test

import (
	"context"
	"database/sql"
	"log/slog"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

// Users writes users, which are cached.
type Users struct {
	db    *sql.DB
	cache *cachet.Cache[int64, string]
	box   *outbox.Box
}

// Rename writes, and has the copies deleted twice: Update deletes at once, and the event, which commits with the write,
// is there for what Update cannot delete, because this process dies or Redis is down.
func (u *Users) Rename(ctx context.Context, id int64, name string) error {
	defer u.box.Kick()
	return u.cache.Update(ctx, id, func(ctx context.Context) error {
		tx, err := u.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, `UPDATE users SET name = $1 WHERE id = $2`, name, id); err != nil {
			return err
		}
		if err := u.box.Add(ctx, tx, u.cache.Event(id)); err != nil {
			return err
		}
		return tx.Commit()
	})
}

func ExampleBox_Add() {
	users := &Users{box: outbox.New(outbox.Postgres)} // db, cache
	_ = users.Rename
}

// Every process runs a relay, and one of them publishes.
func ExampleBox_Relay() {
	relay := func(ctx context.Context, db *sql.DB, box *outbox.Box, publisher invalidation.Publisher) {
		box.Error = func(ctx context.Context, err error) {
			slog.ErrorContext(ctx, "outbox", "error", err)
		}
		go func() { _ = box.Relay(ctx, db, publisher) }() // until ctx ends
	}
	_ = relay
}
