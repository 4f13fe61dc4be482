package transactions_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/glebarez/sqlite"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aftercommit"
	"github.com/cachet-go/cachet/examples/transactions"
	"github.com/cachet-go/cachet/store/memstore"
)

type rename func(context.Context, *gorm.DB, *transactions.Cache, ...transactions.Product) error

var ways = map[string]rename{
	"database/sql": func(ctx context.Context, g *gorm.DB, cache *transactions.Cache, p ...transactions.Product) error {
		db, err := g.DB()
		if err != nil {
			return err
		}
		return transactions.RenameSQL(ctx, db, cache, p...)
	},
	"gorm": transactions.RenameGorm,
}

// shop has the products 1 "chair", 2 "table" and 3 "lamp", cached. No two may have one name.
func shop(t *testing.T) (*gorm.DB, *transactions.Cache) {
	t.Helper()
	g, err := gorm.Open(sqlite.Open(filepath.Join(t.TempDir(), "shop.db")), &gorm.Config{Logger: logger.Discard})
	require.NoError(t, err)
	db, err := g.DB()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	for _, statement := range []string{
		`CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT UNIQUE)`,
		`INSERT INTO products VALUES (1, 'chair'), (2, 'table'), (3, 'lamp')`,
	} {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err)
	}
	cache := cachet.Must(cachet.New(memstore.New(), cachet.Config[int64, transactions.Product]{
		Name: "product",
		Load: func(ctx context.Context, id int64) (transactions.Product, error) { return read(ctx, db, id) },
	}))
	t.Cleanup(func() { require.NoError(t, cache.Close()) })
	require.Equal(t, []string{"chair", "table", "lamp"}, names(t, cache))
	return g, cache
}

func read(ctx context.Context, db *sql.DB, id int64) (p transactions.Product, err error) {
	err = db.QueryRowContext(ctx, `SELECT id, name FROM products WHERE id = ?`, id).Scan(&p.ID, &p.Name)
	return p, err
}

func names(t *testing.T, cache *transactions.Cache) []string {
	t.Helper()
	found, err := cache.GetMany(t.Context(), []int64{1, 2, 3})
	require.NoError(t, err)
	return []string{found[1].Name, found[2].Name, found[3].Name}
}

func TestWhatWasCommittedIsReadAndASavepointDropsOnlyItsOwn(t *testing.T) {
	for name, rename := range ways {
		t.Run(name, func(t *testing.T) {
			g, cache := shop(t)
			before := cache.Stats().Misses
			require.NoError(t, rename(t.Context(), g, cache,
				transactions.Product{ID: 1, Name: "stool"},
				transactions.Product{ID: 2, Name: "stool"}, // there is one
				transactions.Product{ID: 3, Name: "lantern"},
			))
			require.Equal(t, []string{"stool", "table", "lantern"}, names(t, cache))
			require.EqualValues(t, 2, cache.Stats().Misses-before, "2 was not written, and need not be loaded")
		})
	}
}

func TestARollbackLeavesTheCacheAsItIs(t *testing.T) {
	g, cache := shop(t)
	db, err := g.DB()
	require.NoError(t, err)
	before := cache.Stats().Misses
	conn, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	tx := aftercommit.New(conn)
	_, err = conn.ExecContext(t.Context(), `UPDATE products SET name = 'stool' WHERE id = 1`)
	require.NoError(t, err)
	tx.Add(func(ctx context.Context) error { return cache.Invalidate(ctx, 1) })
	require.NoError(t, tx.Rollback())
	require.ErrorIs(t, tx.Commit(t.Context()), sql.ErrTxDone)
	require.Equal(t, []string{"chair", "table", "lamp"}, names(t, cache))
	require.Equal(t, before, cache.Stats().Misses)
}

// lost commits, but the answer does not arrive.
type lost struct{ *sql.Tx }

var errLost = errors.New("connection reset")

func (tx lost) Commit() error {
	if err := tx.Tx.Commit(); err != nil {
		return err
	}
	return errLost
}

func TestACommitWhoseAnswerIsLostIsSeen(t *testing.T) {
	g, cache := shop(t)
	db, err := g.DB()
	require.NoError(t, err)
	conn, err := db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	tx := aftercommit.New(lost{conn})
	_, err = conn.ExecContext(t.Context(), `UPDATE products SET name = 'stool' WHERE id = 1`)
	require.NoError(t, err)
	tx.Add(func(ctx context.Context) error { return cache.Invalidate(ctx, 1) })
	require.Equal(t, errLost, tx.Commit(t.Context()))
	require.Equal(t, []string{"stool", "table", "lamp"}, names(t, cache))
}
