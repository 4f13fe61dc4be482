package transactions_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/examples/transactions"
	"github.com/cachet-go/cachet/store/memstore"
)

// CACHET_POSTGRES names a database, as in postgres://localhost/test. What the test makes there goes with its session.
func TestPgxRenamesWhatItMayAndForgetsThat(t *testing.T) {
	dsn := os.Getenv("CACHET_POSTGRES")
	if dsn == "" {
		t.Skip("CACHET_POSTGRES is not set")
	}
	ctx := t.Context()
	db, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(ctx)) }()
	for _, statement := range []string{
		`CREATE TEMPORARY TABLE products (id BIGINT PRIMARY KEY, name TEXT UNIQUE)`,
		`INSERT INTO products VALUES (1, 'chair'), (2, 'table'), (3, 'lamp')`,
	} {
		_, err := db.Exec(ctx, statement)
		require.NoError(t, err)
	}
	cache := cachet.Must(cachet.New(memstore.New(), cachet.Config[int64, transactions.Product]{
		Name: "product",
		Load: func(ctx context.Context, id int64) (p transactions.Product, err error) {
			err = db.QueryRow(ctx, `SELECT id, name FROM products WHERE id = $1`, id).Scan(&p.ID, &p.Name)
			return p, err
		},
		MaxLoads: 1, // there is one connection
	}))
	defer func() { require.NoError(t, cache.Close()) }()
	require.Equal(t, []string{"chair", "table", "lamp"}, names(t, cache))

	before := cache.Stats().Misses
	require.NoError(t, transactions.RenamePgx(ctx, db, cache,
		transactions.Product{ID: 1, Name: "stool"},
		transactions.Product{ID: 2, Name: "stool"}, // there is one
		transactions.Product{ID: 3, Name: "lantern"},
	))
	require.Equal(t, []string{"stool", "table", "lantern"}, names(t, cache))
	require.EqualValues(t, 2, cache.Stats().Misses-before)
}
