package outbox

import (
	"context"
	"crypto/rand"
	"database/sql"
	"time"
)

// AUTOINCREMENT: a number is not used again, not even that of the last row once it is deleted.
var sqlite = grammar{
	schema: `CREATE TABLE IF NOT EXISTS cache_outbox (
	seq           INTEGER PRIMARY KEY AUTOINCREMENT,
	id            TEXT    NOT NULL,
	aggregatetype TEXT    NOT NULL,
	aggregateid   TEXT    NOT NULL,
	type          TEXT    NOT NULL,
	payload       TEXT    NOT NULL,
	attempts      INTEGER NOT NULL DEFAULT 0,
	not_before    TEXT,
	created_at    TEXT    NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE TABLE IF NOT EXISTS cache_outbox_relay (
	id    INTEGER PRIMARY KEY CHECK (id = 1),
	owner TEXT NOT NULL,
	until TEXT NOT NULL
);`,
	claim: `SELECT seq, attempts, payload FROM cache_outbox
WHERE attempts <= ? AND (not_before IS NULL OR not_before <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
ORDER BY seq LIMIT ?`,
	park: `UPDATE cache_outbox SET attempts = attempts + 1,
not_before = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ? || ' seconds') WHERE seq = ?`,
	depth: `SELECT count(*), count(not_before),
coalesce((julianday('now') - julianday(min(created_at))) * 86400.0, 0.0) FROM cache_outbox`,
	remove: func(ctx context.Context, s session, seqs []int64) error {
		_, err := s.ExecContext(ctx, `DELETE FROM cache_outbox WHERE seq IN (`+list(seqs)+`)`)
		return err
	},
	elect: electSQLite,
}

// electSQLite elects everybody. Who finds events asks for the lease then, so that relays write nothing while there is
// nothing to publish.
func electSQLite(_ context.Context, db *sql.DB) (*leader, error) {
	l := &lease{db: db, owner: rand.Text()}
	return &leader{session: db, check: func(context.Context) error { return nil }, lease: l.hold, resign: l.drop}, nil
}

// lease is the row of cache_outbox_relay. Where it lapses while its owner publishes, events are published twice.
type lease struct {
	db    *sql.DB
	owner string
	since time.Time // when it was last taken or renewed
}

const (
	leaseTerm  = 2 * time.Second
	leaseRenew = leaseTerm / 4
)

// hold takes the lease or renews it. It reports whether another may have held it since the last call, and errDeposed if
// another holds it.
func (l *lease) hold(ctx context.Context) (fresh bool, err error) {
	age := time.Since(l.since)
	if age < leaseRenew {
		return false, nil
	}
	now := time.Now()
	// A lease that ends later than one taken now is left from before the clock was set back.
	res, err := l.db.ExecContext(ctx, `INSERT INTO cache_outbox_relay (id, owner, until)
VALUES (1, ?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ? || ' seconds'))
ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE owner = excluded.owner OR until > excluded.until OR until <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')`,
		l.owner, leaseTerm.Seconds())
	if err != nil {
		return false, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		l.since = time.Time{}
		if err == nil {
			err = errDeposed
		}
		return false, err
	}
	l.since = now
	return age >= leaseTerm, nil
}

func (l *lease) drop(ctx context.Context) {
	if l.since.IsZero() {
		return
	}
	_, _ = l.db.ExecContext(ctx, `DELETE FROM cache_outbox_relay WHERE owner = ?`, l.owner) // else it lapses
}
