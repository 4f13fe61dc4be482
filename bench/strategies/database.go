package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"time"
)

// database is a table of records on a primary, and a copy of it on a replica.
type database struct {
	primary, replica *sql.DB
	// delay makes the replica apply what is committed from now on no sooner than d after that was committed.
	delay func(ctx context.Context, d time.Duration) error
	// close ends what is not a connection.
	close func() error
	// wrote is told of each commit, where replication is ours to do.
	wrote func(r row)
	// update is the statement that writes; it takes a number of a write and a key, and returns the new version.
	update string
	query  string
	name   string
}

// row is a record. Write is the number of the write that made it.
type row struct {
	Key     int
	Write   int64
	Version int64
	Text    string
}

const create = `CREATE TABLE records (
	key INTEGER PRIMARY KEY, write BIGINT NOT NULL, version BIGINT NOT NULL, text TEXT NOT NULL
)`

const text = "a record of some two hundred bytes, for that is what most are: a name, a price, a stock and a " +
	"description, which nobody reads to its end because it goes on and on without saying anything of interest"

// fill makes the records 0 to keys-1, at version 1.
func (d *database) fill(ctx context.Context, keys int) error {
	if err := d.refill(ctx, d.primary, keys); err != nil {
		return err
	}
	if d.wrote != nil {
		return d.refill(ctx, d.replica, keys)
	}
	return d.catchUp(ctx)
}

func (*database) refill(ctx context.Context, db *sql.DB, keys int) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "DELETE FROM records"); err != nil {
		return err
	}
	for key := range keys {
		insert := fmt.Sprintf("INSERT INTO records VALUES (%d, 0, 1, '%s')", key, text) //nolint:gosec // ours
		if _, err := tx.ExecContext(ctx, insert); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// write commits a write to a record and returns the version that it has become.
func (d *database) write(ctx context.Context, key int, write int64) (version int64, err error) {
	err = d.primary.QueryRowContext(ctx, d.update, write, key).Scan(&version)
	if err == nil && d.wrote != nil {
		d.wrote(row{Key: key, Write: write, Version: version})
	}
	return version, err
}

// read reads a record from the primary or the replica.
func (d *database) read(ctx context.Context, from *sql.DB, key int) (row, error) {
	var r row
	err := from.QueryRowContext(ctx, d.query, key).Scan(&r.Key, &r.Write, &r.Version, &r.Text)
	return r, err
}

// writes returns the write of each record.
func (d *database) writes(ctx context.Context, from *sql.DB) (map[int]int64, error) {
	rows, err := from.QueryContext(ctx, "SELECT key, write FROM records")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	held := make(map[int]int64)
	for rows.Next() {
		var (
			key   int
			write int64
		)
		if err := rows.Scan(&key, &write); err != nil {
			return nil, err
		}
		held[key] = write
	}
	return held, rows.Err()
}

// catchUp waits until the replica has what the primary has.
func (d *database) catchUp(ctx context.Context) error {
	want, err := d.writes(ctx, d.primary)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		has, err := d.writes(ctx, d.replica) // it fails as long as the table has not come
		if err == nil && maps.Equal(has, want) {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("the replica does not catch up: %w", cmp.Or(err, ctx.Err()))
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (d *database) Close() error {
	return errors.Join(d.close(), d.primary.Close(), d.replica.Close())
}
