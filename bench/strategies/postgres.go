package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver

	"github.com/cachet-go/cachet/internal/sqltest"
)

// openPostgres starts PostgreSQL with a replica that follows by streaming.
func openPostgres(ctx context.Context, tb testing.TB) (*database, error) {
	tb.Helper()
	primary := sqltest.Postgres(tb, "synchronous_commit=off")
	replica := sqltest.Replica(tb, primary)
	d := &database{
		name:   "PostgreSQL, with a replica by streaming whose lag is recovery_min_apply_delay",
		update: "UPDATE records SET write = $1, version = version + 1 WHERE key = $2 RETURNING version",
		query:  "SELECT key, write, version, text FROM records WHERE key = $1",
		close:  func() error { return nil },
	}
	var errs [2]error
	d.primary, errs[0] = sql.Open("pgx", primary.DSN())
	d.replica, errs[1] = sql.Open("pgx", replica.DSN())
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	for _, db := range []*sql.DB{d.primary, d.replica} {
		db.SetMaxOpenConns(40)
		db.SetMaxIdleConns(40)
	}
	d.delay = func(ctx context.Context, lag time.Duration) error {
		set := fmt.Sprintf("ALTER SYSTEM SET recovery_min_apply_delay = '%dms'", lag.Milliseconds())
		if _, err := d.replica.ExecContext(ctx, set); err != nil {
			return err
		}
		_, err := d.replica.ExecContext(ctx, "SELECT pg_reload_conf()")
		return err
	}
	_, err := d.primary.ExecContext(ctx, create)
	return d, err
}
