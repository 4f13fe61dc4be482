package transactions

import (
	"context"
	"database/sql"

	"github.com/cachet-go/cachet/aftercommit"
)

// RenameSQL renames products. Those for which the database refuses keep their name.
func RenameSQL(ctx context.Context, db *sql.DB, cache *Cache, products ...Product) error {
	conn, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	tx := aftercommit.New(conn)
	defer tx.Rollback() //nolint:errcheck // after Commit it is over

	for _, p := range products {
		if _, err := conn.ExecContext(ctx, `SAVEPOINT one`); err != nil {
			return err
		}
		sp := tx.Savepoint()
		tx.Add(forget(cache, p.ID))
		if _, err := conn.ExecContext(ctx, `UPDATE products SET name = ? WHERE id = ?`, p.Name, p.ID); err != nil {
			if _, err := conn.ExecContext(ctx, `ROLLBACK TO SAVEPOINT one`); err != nil {
				return err
			}
			tx.RollbackTo(sp)
		}
	}
	return tx.Commit(ctx)
}
