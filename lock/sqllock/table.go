package sqllock

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
	"github.com/cachet-go/cachet/lock"
)

// Dialect is a kind of database that [Table] can use.
type Dialect struct {
	now    string // microseconds since 1970 by the database's clock
	insert string // does nothing where there is a row
}

var (
	// MySQL is MySQL 8 or MariaDB 10.5 or later, with the table of [MySQLSchema].
	MySQL = Dialect{now: "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))", insert: "INSERT IGNORE"}

	// SQLite is SQLite 3.35 or later, with the table of [SQLiteSchema]. Set a busy_timeout.
	SQLite = Dialect{
		now:    "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
		insert: "INSERT OR IGNORE",
	}
)

// Table returns a Keeper of locks that are rows of table cachet_lock. It leaves db open. Its locks are seen by every
// Keeper of the same table and [lock.Prefix]. A key and its prefix have 255 bytes at most. A row stays when its lock is
// let go of, for it counts the fences: delete it only when its key is never used again.
func Table(db *sql.DB, d Dialect, opts ...lock.Option) *lock.Keeper {
	return lock.Over(table{
		db: db,
		take: `UPDATE cachet_lock SET fence = fence + 1, owner = ?, until_us = ` + d.now + ` + ?
			WHERE name = ? AND until_us <= ` + d.now,
		create: d.insert + ` INTO cachet_lock (owner, until_us, name, fence) VALUES (?, ` + d.now + ` + ?, ?, 1)`,
		look:   `SELECT fence, owner, until_us - ` + d.now + ` FROM cachet_lock WHERE name = ?`,
		renew:  `UPDATE cachet_lock SET until_us = ` + d.now + ` + ? WHERE name = ? AND owner = ?`,
	}, opts...)
}

// table implements lock.Backend.
type table struct {
	db                        *sql.DB
	take, create, look, renew string
}

const release = `UPDATE cachet_lock SET owner = '', until_us = 0 WHERE name = ? AND owner = ?`

// waiting is how those who wait space out their looks.
var waiting = backoff.Policy{First: 5 * time.Millisecond, Most: 250 * time.Millisecond}

// maxName is what fits in the column of MySQL, which may cut what is longer.
const maxName = 255

// Acquire implements lock.Backend.
func (b table) Acquire(ctx context.Context, name string, ask lock.Ask) (*lock.Grant, error) {
	if len(name) > maxName {
		return nil, fmt.Errorf("sqllock: %q is longer than %d bytes", name, maxName)
	}
	r := &row{table: b, name: name, owner: rand.Text(), ttl: ask.TTL}
	for {
		g, err := r.take(ctx)
		switch {
		case err != nil:
			_ = r.release() // it may have it
			return nil, err
		case g != nil:
			return g, nil
		case ask.Try:
			return nil, lock.ErrHeld
		}
		if err := r.await(ctx); err != nil {
			return nil, err
		}
	}
}

// row is a lock that is held or wanted.
type row struct {
	table
	name, owner string
	ttl         time.Duration
}

// take returns the lock, or nil if others have it.
func (r *row) take(ctx context.Context) (*lock.Grant, error) {
	sent := time.Now()
	for _, statement := range []string{r.table.take, r.create} {
		n, err := r.exec(ctx, statement, r.owner, r.ttl.Microseconds(), r.name)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			break
		}
	}
	fence, owner, _, err := r.read(ctx)
	if err != nil || owner != r.owner {
		return nil, err
	}
	return &lock.Grant{Fence: fence, Deadline: sent.Add(r.ttl), Renew: r.extend, Release: r.release}, nil
}

// await returns when the lock may be free. It only reads: a database that has one writer at a time has better to do.
func (r *row) await(ctx context.Context) error {
	for n := 0; ; n++ {
		_, _, left, err := r.read(ctx)
		if err != nil || left <= 0 {
			return err
		}
		select {
		case <-time.After(min(waiting.Delay(n), left)):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// read returns who has the lock and for how long at most, which is nobody if there is no row.
func (r *row) read(ctx context.Context) (fence int64, owner string, left time.Duration, err error) {
	var us int64
	err = r.db.QueryRowContext(ctx, r.look, r.name).Scan(&fence, &owner, &us)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return fence, owner, time.Duration(us) * time.Microsecond, err
}

func (r *row) extend(ctx context.Context, lease time.Duration) error {
	return found(r.exec(ctx, r.renew, lease.Microseconds(), r.name, r.owner))
}

// release lets the row go. If the first attempt is not answered it is repeated once.
func (r *row) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.ttl)
	defer cancel()
	err := found(r.exec(ctx, release, r.name, r.owner))
	if err == nil || errors.Is(err, lock.ErrLost) {
		return err
	}
	if again := found(r.exec(ctx, release, r.name, r.owner)); again == nil {
		return nil
	}
	return err
}

// found returns ErrLost if there was no such row.
func found(n int64, err error) error {
	if err == nil && n == 0 {
		return lock.ErrLost
	}
	return err
}

func (r *row) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	res, err := r.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
