package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", in Go
)

// Product is a row of the table.
type Product struct {
	ID      int64
	Name    string
	Price   int64 // in cents
	Stock   int64
	Version int64 // set by the database: 1 when the row is inserted, one more with each update
}

const schema = `CREATE TABLE products (
	id      INTEGER PRIMARY KEY,
	name    TEXT NOT NULL,
	price   INTEGER NOT NULL,
	stock   INTEGER NOT NULL,
	version INTEGER NOT NULL
)`

// Repository reads and writes products in SQLite. It knows nothing of caches.
//
// SQLite admits one writer at a time, so there is one connection for writes and a pool of others for reads. Writers
// then queue in Go, in order, instead of meeting in the database and giving up as busy; in WAL mode readers are in
// nobody's way.
type Repository struct {
	reads, writes *sql.DB
	stall         time.Duration
	queries       atomic.Int64
}

// OpenRepository creates the database in a new file. The answer to each read comes up to stall later than SQLite gives
// it, as the answers of a database across a network do.
func OpenRepository(ctx context.Context, file string, stall time.Duration) (*Repository, error) {
	const pragmas = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	writes, err := sql.Open("sqlite", "file:"+file+pragmas+"&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	reads, err := sql.Open("sqlite", "file:"+file+pragmas+"&_pragma=query_only(true)")
	if err != nil {
		return nil, errors.Join(err, writes.Close())
	}
	writes.SetMaxOpenConns(1)
	reads.SetMaxOpenConns(8)
	reads.SetMaxIdleConns(8) // opening a connection costs more than a read
	r := &Repository{reads: reads, writes: writes, stall: stall}
	if _, err := writes.ExecContext(ctx, schema); err != nil {
		return nil, errors.Join(fmt.Errorf("create the table: %w", err), r.Close())
	}
	return r, nil
}

// Close closes the database.
func (r *Repository) Close() error {
	return errors.Join(r.reads.Close(), r.writes.Close())
}

// Product returns the product of that id, or sql.ErrNoRows.
func (r *Repository) Product(ctx context.Context, id int64) (Product, error) {
	r.queries.Add(1)
	p := Product{ID: id}
	err := r.reads.QueryRowContext(ctx, `SELECT name, price, stock, version FROM products WHERE id = ?`, id).
		Scan(&p.Name, &p.Price, &p.Stock, &p.Version)
	if late := r.onItsWay(ctx); late != nil {
		return Product{}, late
	}
	if err != nil {
		return Product{}, fmt.Errorf("product %d: %w", id, err)
	}
	return p, nil
}

// onItsWay is the time between the database's reading of a row and our seeing it.
func (r *Repository) onItsWay(ctx context.Context) error {
	if r.stall <= 0 {
		return nil
	}
	select {
	case <-time.After(rand.N(r.stall)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Save inserts or updates p and returns the version that it thereby got. It has committed when it returns.
func (r *Repository) Save(ctx context.Context, p Product) (version int64, err error) {
	err = r.writes.QueryRowContext(ctx, `
		INSERT INTO products (id, name, price, stock, version) VALUES (?, ?, ?, ?, 1)
		ON CONFLICT (id) DO UPDATE
			SET name = excluded.name, price = excluded.price, stock = excluded.stock, version = version + 1
		RETURNING version`, p.ID, p.Name, p.Price, p.Stock).Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("save product %d: %w", p.ID, err)
	}
	return version, nil
}

// Fill inserts the products of ids 1 to n.
func (r *Repository) Fill(ctx context.Context, n int64) error {
	_, err := r.writes.ExecContext(ctx, `
		WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
		INSERT INTO products SELECT id, 'product ' || id, 100 + id % 900, 10, 1 FROM ids`, n)
	return err
}

// Versions returns the version of every product by its id.
func (r *Repository) Versions(ctx context.Context) (map[int64]int64, error) {
	rows, err := r.reads.QueryContext(ctx, `SELECT id, version FROM products`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	versions := make(map[int64]int64)
	for rows.Next() {
		var id, version int64
		if err := rows.Scan(&id, &version); err != nil {
			return nil, err
		}
		versions[id] = version
	}
	return versions, rows.Err()
}

// Queries is how many products have been read from the database.
func (r *Repository) Queries() int64 { return r.queries.Load() }
