// Package transactions shows invalidations after the commit with database/sql, gorm and pgx: a product is renamed in a
// transaction, and its history is written under a savepoint that may fail alone.
package transactions

import (
	"context"

	"github.com/cachet-go/cachet"
)

// Product is the record that is cached.
type Product struct {
	ID   int64
	Name string
}

// Cache has the products.
type Cache = cachet.Cache[int64, Product]

// forget returns what is to be done after the commit.
func forget(cache *Cache, ids ...int64) func(context.Context) error {
	return func(ctx context.Context) error { return cache.Invalidate(ctx, ids...) }
}
