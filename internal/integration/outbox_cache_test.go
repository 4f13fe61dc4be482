package integration_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/invalidation/outbox"
	"github.com/cachet-go/cachet/store/memstore"
)

// The cache deletes at once. The event is for other stores, and for when the process dies in between.
func updates(t *testing.T, e *engine) {
	d, b, r := e.database(t), outbox.New(e.dialect), &recorder{}
	cache := cachet.Must(cachet.New(memstore.New(), cachet.Config[int, int]{
		Name: "record",
		Load: func(ctx context.Context, _ int) (version int, err error) {
			err = d.QueryRowContext(ctx, `SELECT version FROM record WHERE id = 1`).Scan(&version)
			return version, err
		},
	}))
	defer func() { require.NoError(t, cache.Close()) }()
	before, err := cache.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Zero(t, before)

	d.relay(t, b, r)
	require.NoError(t, cache.Update(t.Context(), 1, func(ctx context.Context) error {
		tx, err := d.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, `UPDATE record SET version = version + 1 WHERE id = 1`); err != nil {
			return err
		}
		if err := b.Add(ctx, tx, cache.Event(1)); err != nil {
			return err
		}
		return tx.Commit()
	}))
	b.Kick()
	after, err := cache.Get(t.Context(), 1)
	require.NoError(t, err)
	require.Equal(t, 1, after)
	d.published(t, r, "record:1")
}

// pgxTx makes an outbox.Execer of a transaction of pgx.
type pgxTx struct{ pgx.Tx }

func (tx pgxTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	tag, err := tx.Exec(ctx, query, args...)
	return driver.RowsAffected(tag.RowsAffected()), err
}

func throughPgx(t *testing.T, e *engine) {
	if e.dialect != outbox.Postgres {
		t.Skip("pgx is for PostgreSQL")
	}
	d, b, r := e.database(t), e.box(t), &recorder{}
	conn, err := pgx.Connect(t.Context(), d.dsn)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	for _, end := range []func(context.Context, pgx.Tx) error{
		func(ctx context.Context, tx pgx.Tx) error { return tx.Rollback(ctx) },
		func(ctx context.Context, tx pgx.Tx) error { return tx.Commit(ctx) },
	} {
		tx, err := conn.Begin(t.Context())
		require.NoError(t, err)
		require.NoError(t, b.Add(t.Context(), pgxTx{tx}, events("a", "b")...))
		require.NoError(t, end(t.Context(), tx))
	}
	d.relay(t, b, r)
	d.published(t, r, "a", "b")
}
