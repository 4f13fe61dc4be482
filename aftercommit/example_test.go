package aftercommit_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aftercommit"
)

// Orders writes to two tables, whose records are cached.
type Orders struct {
	db       *sql.DB
	products *cachet.Cache[int64, string]
	accounts *cachet.Cache[int64, string]
}

// Buy takes a product from the stock and money from an account.
func (o *Orders) Buy(ctx context.Context, product, account int64) error {
	sqltx, err := o.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	tx := aftercommit.New(sqltx)
	defer tx.Rollback() // after Commit it does nothing

	if _, err := sqltx.ExecContext(ctx, `UPDATE product SET stock = stock - 1 WHERE id = $1`, product); err != nil {
		return err
	}
	tx.Add(func(ctx context.Context) error { return o.products.Invalidate(ctx, product) })

	// What fails after a savepoint takes only its own invalidations with it.
	if _, err := sqltx.ExecContext(ctx, `SAVEPOINT points`); err != nil {
		return err
	}
	sp := tx.Savepoint()
	tx.Add(func(ctx context.Context) error { return o.accounts.Invalidate(ctx, account) })
	_, err = sqltx.ExecContext(ctx, `UPDATE account SET points = points + 1 WHERE id = $1`, account)
	if err != nil {
		if _, err := sqltx.ExecContext(ctx, `ROLLBACK TO SAVEPOINT points`); err != nil {
			return err
		}
		tx.RollbackTo(sp)
	}

	err = tx.Commit(ctx)
	if late, ok := errors.AsType[*cachet.InvalidationError](err); ok && err == error(late) {
		slog.WarnContext(ctx, "committed, and copies may be old for a while", "error", late)
		return nil
	}
	return err
}

// A transaction over two tables whose records are cached.
func Example() {
	orders := &Orders{} // db, products, accounts
	_ = orders.Buy
}
