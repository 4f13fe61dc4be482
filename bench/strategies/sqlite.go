package main

import (
	"cmp"
	"context"
	"database/sql"
	"path/filepath"
	"sync/atomic"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// openSQLite makes two databases in files of dir. SQLite has no replicas: a goroutine
// makes each write once more, in the second file, when the lag is over.
func openSQLite(ctx context.Context, dir string) (*database, error) {
	d := &database{
		name:   "SQLite, which has no replicas: a goroutine repeats each write in a second file, late",
		update: "UPDATE records SET write = ?, version = version + 1 WHERE key = ? RETURNING version",
		query:  "SELECT key, write, version, text FROM records WHERE key = ?",
	}
	const options = "?_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_pragma=busy_timeout(10000)&_txlock=immediate"
	for name, db := range map[string]**sql.DB{"primary.db": &d.primary, "replica.db": &d.replica} {
		var err error
		if *db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, name)+options); err != nil {
			return nil, err
		}
		(*db).SetMaxOpenConns(8)
		if _, err := (*db).ExecContext(ctx, create); err != nil {
			return nil, err
		}
	}
	c := &copier{replica: d.replica, queue: make(chan commit, 1<<16), ended: make(chan struct{})}
	d.delay = func(_ context.Context, lag time.Duration) error { c.lag.Store(int64(lag)); return nil }
	d.wrote = func(r row) { c.queue <- commit{row: r, at: time.Now()} }
	d.close = func() error { close(c.queue); <-c.ended; return c.err }
	go c.run(context.WithoutCancel(ctx))
	return d, nil
}

// copier is the replication of SQLite.
type copier struct {
	replica *sql.DB
	lag     atomic.Int64
	queue   chan commit
	ended   chan struct{}
	err     error // the first, once it has ended
}

type commit struct {
	row
	at time.Time
}

func (c *copier) run(ctx context.Context) {
	defer close(c.ended)
	for done := range c.queue {
		time.Sleep(time.Until(done.at.Add(time.Duration(c.lag.Load()))))
		// Two writers of a record may come here in either order.
		const update = "UPDATE records SET write = ?, version = ? WHERE key = ? AND version < ?"
		_, err := c.replica.ExecContext(ctx, update, done.Write, done.Version, done.Key, done.Version)
		c.err = cmp.Or(c.err, err)
	}
}
