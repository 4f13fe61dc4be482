package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	_ "modernc.org/sqlite" // the driver "sqlite", in Go
)

// openDatabase opens the SQLite database in file, once for each service.
//
// SQLite admits one writer at a time, so there is one connection for writes: whoever writes, and the relay, queue in Go
// instead of giving up as busy. In WAL mode readers are in nobody's way.
func openDatabase(file string) (writes, reads *sql.DB, err error) {
	const pragmas = "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)"
	writes, err = sql.Open("sqlite", "file:"+file+pragmas+"&_txlock=immediate")
	if err != nil {
		return nil, nil, err
	}
	reads, err = sql.Open("sqlite", "file:"+file+pragmas+"&_pragma=query_only(true)")
	if err != nil {
		return nil, nil, errors.Join(err, writes.Close())
	}
	writes.SetMaxOpenConns(1)
	reads.SetMaxOpenConns(8)
	reads.SetMaxIdleConns(8) // opening a connection costs more than a read
	return writes, reads, nil
}

// fill gives the products of ids 1 to n a price.
func fill(ctx context.Context, db *sql.DB, schema string, n int64) error {
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return fmt.Errorf("create the tables: %w", err)
	}
	_, err := db.ExecContext(ctx, `
		WITH RECURSIVE ids (id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM ids WHERE id < ?)
		INSERT INTO prices SELECT id, 100, 1 FROM ids`, n)
	return err
}

// versions returns what the database holds: the version of each price by its id.
func versions(ctx context.Context, db *sql.DB) (map[int64]int64, error) {
	rows, err := db.QueryContext(ctx, `SELECT id, version FROM prices`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	truth := make(map[int64]int64)
	for rows.Next() {
		var id, version int64
		if err := rows.Scan(&id, &version); err != nil {
			return nil, err
		}
		truth[id] = version
	}
	return truth, rows.Err()
}
