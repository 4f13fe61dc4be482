package main

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store"
)

// Storefront is the service that shows prices. It reads them through a cache, which others must tell of changes: it
// writes no price itself.
type Storefront struct {
	db     *sql.DB
	prices *cachet.Cache[int64, Price]
}

// Price is what it caches.
type Price struct{ Cents, Version int64 }

// NewStorefront returns the service, with its cache in st under a name.
func NewStorefront(st store.Store, db *sql.DB, cache string) (*Storefront, error) {
	s := &Storefront{db: db}
	var err error
	s.prices, err = cachet.New(st, cachet.Config[int64, Price]{
		Name: cache,
		Load: s.load,
		TTL:  5 * time.Minute, // the last line, should an event be lost after all
	})
	return s, err
}

// Price returns the price of a product, or cachet.ErrNotFound. It may be older than what has been committed by as much
// as an event needs to come here.
func (s *Storefront) Price(ctx context.Context, id int64) (Price, error) {
	return s.prices.Get(ctx, id)
}

// Close closes the cache.
func (s *Storefront) Close() error { return s.prices.Close() }

// clear removes what is cached of the products 1 to n, so that a Redis that has other uses is left as it was found.
func (s *Storefront) clear(ctx context.Context, n int64) error {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i) + 1
	}
	return s.prices.Invalidate(ctx, ids...)
}

// stall is how late an answer comes, at most: as from a database across a network. A change that is committed and
// deleted meanwhile finds nothing to delete, and yet what was loaded before it must not be stored after it.
const stall = 5 * time.Millisecond

func (s *Storefront) load(ctx context.Context, id int64) (p Price, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT cents, version FROM prices WHERE id = ?`, id).Scan(&p.Cents, &p.Version)
	time.Sleep(rand.N(stall))
	return p, err
}
