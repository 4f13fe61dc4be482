package outbox

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// session is what the leader works on: the connection that holds the lock or, in SQLite, the whole database.
type session interface {
	Execer
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// leader is the relay that was elected.
type leader struct {
	session
	// check reports why it is the leader no more.
	check func(context.Context) error
	// lease is asked before anything is published, if it is not nil. It reports whether what was read before it may
	// have been published by another.
	lease  func(context.Context) (fresh bool, err error)
	resign func(context.Context)
}

// errDeposed: there is another leader.
var errDeposed = errors.New("outbox: another relay has taken over")

// electByLock makes the caller the leader if it gets the lock, which is that of a connection. Everything the leader
// does goes through this connection: with it the server takes the lock and the ability to delete away at once.
//
// A server that is read-only says NULL for the lock: there the leader would publish what it cannot delete.
func electByLock(ctx context.Context, db *sql.DB, lock string, settings ...string) (_ *leader, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	var got sql.NullInt64
	if err = conn.QueryRowContext(ctx, lock).Scan(&got); err == nil && !got.Valid {
		err = errors.New("the server is read-only, or no database is chosen")
	}
	if err == nil && got.Int64 == 0 {
		return nil, conn.Close()
	}
	for _, setting := range settings {
		if err == nil {
			_, err = conn.ExecContext(ctx, setting)
		}
	}
	if err != nil {
		discard(conn)
		return nil, fmt.Errorf("election: %w", err)
	}
	return &leader{session: conn, check: conn.PingContext, resign: func(context.Context) { discard(conn) }}, nil
}

// discard ends a connection, which must not go back to its pool with a lock and the leader's settings.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = conn.Close()
}
