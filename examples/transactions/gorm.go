package transactions

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/cachet-go/cachet/aftercommit"
)

// RenameGorm renames products. Those for which the database refuses keep their name.
func RenameGorm(ctx context.Context, db *gorm.DB, cache *Cache, products ...Product) error {
	conn := db.WithContext(ctx).Begin()
	if conn.Error != nil {
		return conn.Error
	}
	committer, ok := conn.Statement.ConnPool.(gorm.TxCommitter)
	if !ok {
		return fmt.Errorf("%T is no transaction", conn.Statement.ConnPool)
	}
	tx := aftercommit.New(committer)
	defer tx.Rollback() //nolint:errcheck // after Commit it is over

	for _, p := range products {
		if err := conn.SavePoint("one").Error; err != nil {
			return err
		}
		sp := tx.Savepoint()
		tx.Add(forget(cache, p.ID))
		if conn.Model(&p).Update("name", p.Name).Error != nil {
			if err := conn.RollbackTo("one").Error; err != nil {
				return err
			}
			tx.RollbackTo(sp)
		}
	}
	return tx.Commit(ctx)
}
