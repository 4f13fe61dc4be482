package main

import (
	"context"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store"
)

// ttl is how long either side keeps a record.
const ttl = time.Minute

// Catalog is the Repository with a cache in front of it. It has the same methods, so that callers need not know.
// This file is all that there is to it.
type Catalog struct {
	repo *Repository
	byID *cachet.Cache[int64, Product]
}

// NewCatalog returns a catalog that keeps its records in st under name, which is to be the same in all processes of
// a program and different from those of other caches.
func NewCatalog(st store.Store, repo *Repository, name string) (*Catalog, error) {
	byID, err := cachet.New(st, cachet.Config[int64, Product]{
		Name: name,
		Load: repo.Product, // its sql.ErrNoRows is understood, remembered, and returned as cachet.ErrNotFound
		TTL:  ttl,
	})
	if err != nil {
		return nil, err
	}
	return &Catalog{repo: repo, byID: byID}, nil
}

// Product returns the product of that id, or cachet.ErrNotFound.
func (c *Catalog) Product(ctx context.Context, id int64) (Product, error) {
	return c.byID.Get(ctx, id)
}

// Save writes p. Once it has returned nil, Product returns this version or a later one, in any process.
func (c *Catalog) Save(ctx context.Context, p Product) (version int64, err error) {
	err = c.byID.Update(ctx, p.ID, func(ctx context.Context) error {
		version, err = c.repo.Save(ctx, p)
		return err
	})
	return version, err
}

// Close waits for invalidations that could not be delivered yet.
func (c *Catalog) Close() error { return c.byID.Close() }
