package sqllock

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/cachet-go/cachet/lock"
)

// Advisory returns a Keeper of advisory locks in PostgreSQL, whose fences come from the sequence of [PostgresSchema].
// It leaves db open. Its locks are seen by every Keeper of the same database and [lock.Prefix]. A key is known to
// PostgreSQL by 64 bits of a hash, so that in theory two keys are one lock.
func Advisory(db *sql.DB, opts ...lock.Option) *lock.Keeper {
	return lock.Over(advisory{db}, opts...)
}

// advisory implements lock.Backend.
type advisory struct{ db *sql.DB }

// Acquire implements lock.Backend.
func (b advisory) Acquire(ctx context.Context, name string, ask lock.Ask) (*lock.Grant, error) {
	conn, err := b.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(name))
	s := &session{conn: conn, key: int64(binary.BigEndian.Uint64(sum[:])), ttl: ask.TTL}
	g, err := s.take(ctx, ask.Try)
	switch {
	case errors.Is(err, lock.ErrHeld):
		return nil, errors.Join(err, conn.Close())
	case err != nil: // whether it has the lock is not known
		s.discard()
		return nil, err
	}
	return g, nil
}

// session is a connection that has or wants a lock.
type session struct {
	conn *sql.Conn
	key  int64
	ttl  time.Duration
	idle string // idle_session_timeout as it was
}

func (s *session) take(ctx context.Context, try bool) (*lock.Grant, error) {
	var got bool
	err := s.conn.QueryRowContext(ctx, `SELECT pg_try_advisory_lock($1)`, s.key).Scan(&got)
	switch {
	case err != nil:
		return nil, err
	case !got && try:
		return nil, lock.ErrHeld
	}
	// From here on the server ends the session when it hears nothing for the TTL, also if it grants the lock to a client
	// that has vanished while it waited.
	if !got {
		if err := s.limit(ctx); err != nil {
			return nil, err
		}
		if _, err := s.conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, s.key); err != nil {
			return nil, err
		}
	} else if err := s.limit(ctx); err != nil {
		return nil, err
	}
	sent := time.Now()
	var fence int64
	if err := s.conn.QueryRowContext(ctx, `SELECT nextval('cachet_lock_fence')`).Scan(&fence); err != nil {
		return nil, err
	}
	return &lock.Grant{Fence: fence, Deadline: sent.Add(s.ttl), Renew: s.renew, Release: s.release}, nil
}

// limit makes the server end the session if it sends nothing for the TTL.
func (s *session) limit(ctx context.Context) error {
	ms := strconv.FormatInt((s.ttl + time.Millisecond - 1).Milliseconds(), 10)
	return s.conn.QueryRowContext(ctx,
		`SELECT old, set_config('idle_session_timeout', $1, false) FROM current_setting('idle_session_timeout') AS old`, ms).
		Scan(&s.idle, new(string))
}

// renew lets the server hear something. Whatever goes wrong, the session cannot be relied upon any more.
func (s *session) renew(ctx context.Context, _ time.Duration) error {
	if _, err := s.conn.ExecContext(ctx, `SELECT 1`); err != nil {
		return errors.Join(lock.ErrLost, err)
	}
	return nil
}

func (s *session) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.ttl)
	defer cancel()
	var had bool
	err := s.conn.QueryRowContext(ctx,
		`SELECT pg_advisory_unlock($1), set_config('idle_session_timeout', $2, false)`, s.key, s.idle).Scan(&had, new(string))
	if err != nil || !had {
		s.discard()
		return errors.Join(lock.ErrLost, err)
	}
	return s.conn.Close()
}

// discard closes the connection, and the server ends the session.
func (s *session) discard() {
	_ = s.conn.Raw(func(any) error { return driver.ErrBadConn })
	_ = s.conn.Close()
}
