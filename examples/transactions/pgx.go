package transactions

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/cachet-go/cachet/aftercommit"
)

// pgxCommitter is an aftercommit.Committer.
type pgxCommitter struct{ commit, rollback func() error }

func (c pgxCommitter) Commit() error   { return c.commit() }
func (c pgxCommitter) Rollback() error { return c.rollback() }

// committer puts the context away that pgx asks for. The rollback does not end with it.
func committer(ctx context.Context, tx pgx.Tx) pgxCommitter {
	return pgxCommitter{
		commit:   func() error { return tx.Commit(ctx) },
		rollback: func() error { return tx.Rollback(context.WithoutCancel(ctx)) },
	}
}

// RenamePgx renames products. Those for which the database refuses keep their name. db is a *pgxpool.Pool or a
// *pgx.Conn.
func RenamePgx(
	ctx context.Context, db interface {
		Begin(ctx context.Context) (pgx.Tx, error)
	}, cache *Cache, products ...Product,
) error {
	conn, err := db.Begin(ctx)
	if err != nil {
		return err
	}
	tx := aftercommit.New(committer(ctx, conn))
	defer tx.Rollback() //nolint:errcheck // after Commit it is over

	for _, p := range products {
		sp := tx.Savepoint()
		tx.Add(forget(cache, p.ID))
		// A transaction in a transaction is a savepoint, which pgx rolls back to if the function fails.
		err := pgx.BeginFunc(ctx, conn, func(inner pgx.Tx) error {
			_, err := inner.Exec(ctx, `UPDATE products SET name = $1 WHERE id = $2`, p.Name, p.ID)
			return err
		})
		if err != nil {
			tx.RollbackTo(sp)
		}
	}
	return tx.Commit(ctx)
}
