package outbox

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/cachet-go/cachet/invalidation"
)

// Execer is a transaction: a *sql.Tx, a *sql.Conn on which one was begun, what gorm has as its ConnPool in a
// transaction, or a few lines around one of pgx.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

var (
	_ Execer = (*sql.Tx)(nil)
	_ Execer = (*sql.Conn)(nil)
)

// ErrNoTransaction is the error of Add for a *sql.DB, or what wraps one: the event would be there also if the write is
// rolled back, and be missing if the process dies between the two.
var ErrNoTransaction = errors.New("outbox: not a transaction")

const (
	// The router of Debezium makes a topic of it.
	aggregateType = "cache.invalidation"

	maxID        = 255  // bytes of an event's id
	maxAggregate = 1024 // bytes of what stands for a key

	// Bounds of one INSERT.
	insertRows  = 100
	insertBytes = 1 << 20
)

// Add puts events into the table, in their order, within the caller's transaction: with its commit they are to be
// published, with its rollback they are gone. Call it after the write that they tell of. It divides what is too large,
// see Event.Split.
//
// Its error wraps that of invalidation.Encode, and then it has added none of the events; or that of tx, and then
// some may have been added, and the transaction is to be rolled back. It cannot know whether a *sql.Conn is in a
// transaction, nor what an adapter is made of.
func (b *Box) Add(ctx context.Context, tx Execer, events ...invalidation.Event) error {
	if tx == nil {
		return errors.New("outbox: Add: no transaction")
	}
	if isPool(tx) {
		return fmt.Errorf("%w: %T", ErrNoTransaction, tx)
	}
	var rows []entry
	for _, e := range events {
		for _, part := range e.Split() {
			row, err := newEntry(part)
			if err != nil {
				return fmt.Errorf("outbox: Add: %w", err)
			}
			rows = append(rows, row)
		}
	}
	for len(rows) > 0 {
		n, size := 0, 0
		for n < len(rows) && n < insertRows && (n == 0 || size+len(rows[n].payload) <= insertBytes) {
			size += len(rows[n].payload)
			n++
		}
		args := make([]any, 0, 5*n)
		for _, r := range rows[:n] {
			args = append(args, r.id, aggregateType, r.aggregate, r.kind, r.payload)
		}
		if _, err := tx.ExecContext(ctx, b.grammar.insert(n), args...); err != nil {
			return fmt.Errorf("outbox: Add: %w", err)
		}
		rows = rows[n:]
	}
	return nil
}

// isPool reports whether each statement of tx may go to another connection: *sql.DB, and what embeds one, tells of its
// connections; gorm's cache of prepared statements, outside of a transaction, gives its *sql.DB and does not commit.
func isPool(tx Execer) bool {
	if _, ok := tx.(interface{ Stats() sql.DBStats }); ok {
		return true
	}
	_, wraps := tx.(interface{ GetDBConn() (*sql.DB, error) })
	_, commits := tx.(interface{ Commit() error })
	return wraps && !commits
}

// entry is a row. All of it is ASCII, lest a character that the database or the connection does not know make the
// writer's transaction fail, or an event name another key.
type entry struct{ id, aggregate, kind, payload string }

func newEntry(e invalidation.Event) (entry, error) {
	payload, err := invalidation.Encode(e)
	if err != nil {
		return entry{}, err
	}
	payload = ascii(payload)
	switch {
	case len(payload) > invalidation.MaxSize:
		return entry{}, fmt.Errorf("%w: %d bytes", invalidation.ErrTooLarge, len(payload))
	case len(e.ID) > maxID || !printable(e.ID):
		return entry{}, fmt.Errorf("%w: id %.40q", invalidation.ErrMalformed, e.ID)
	}
	row := entry{id: e.ID, aggregate: e.Keys[0], kind: "delete", payload: string(payload)}
	if e.Op != invalidation.Delete {
		row.kind = string(e.Op)
	}
	if len(row.aggregate) > maxAggregate || !printable(row.aggregate) {
		sum := sha256.Sum256([]byte(row.aggregate))
		row.aggregate = "sha256:" + hex.EncodeToString(sum[:])
	}
	return row, nil
}

// printable reports whether text has printable ASCII only.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// ascii returns JSON with all other characters escaped.
func ascii(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r < utf8.RuneSelf:
			out = append(out, b[0])
		case r < 1<<16:
			out = escape(out, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = escape(escape(out, high), low)
		}
		b = b[n:]
	}
	return out
}

func escape(out []byte, unit rune) []byte {
	const digits = "0123456789abcdef"
	return append(out, '\\', 'u', digits[unit>>12], digits[unit>>8&15], digits[unit>>4&15], digits[unit&15])
}
