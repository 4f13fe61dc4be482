package outbox_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

var dialects = map[string]outbox.Dialect{
	"PostgreSQL": outbox.Postgres, "MySQL": outbox.MySQL, "SQLite": outbox.SQLite,
}

// statement is one that a transaction was given.
type statement struct {
	query string
	args  []any
}

// transaction keeps what it is given. What real ones make of it, the tests in internal/integration tell.
type transaction struct {
	statements []statement
	err        error
}

func (tx *transaction) ExecContext(_ context.Context, query string, args ...any) (sql.Result, error) {
	tx.statements = append(tx.statements, statement{query, args})
	return driver.RowsAffected(len(args) / 5), tx.err
}

func TestAddRefusesWhatIsNoTransaction(t *testing.T) {
	e := invalidation.NewEvent("test", "k")
	box := outbox.New(outbox.Postgres)
	require.ErrorIs(t, box.Add(t.Context(), &sql.DB{}, e), outbox.ErrNoTransaction)
	require.ErrorIs(t, box.Add(t.Context(), struct{ *sql.DB }{&sql.DB{}}, e), outbox.ErrNoTransaction, "it embeds one")
	require.ErrorIs(t, box.Add(t.Context(), prepared{}, e), outbox.ErrNoTransaction)
	require.NoError(t, box.Add(t.Context(), preparedTx{}, e))
	require.Error(t, box.Add(t.Context(), nil, e))
}

// prepared is shaped as gorm's cache of prepared statements, preparedTx as the same within a transaction.
type prepared struct{}

func (prepared) ExecContext(context.Context, string, ...any) (sql.Result, error) {
	return driver.RowsAffected(1), nil
}

func (prepared) GetDBConn() (*sql.DB, error) { return nil, nil }

type preparedTx struct{ prepared }

func (preparedTx) Commit() error { return nil }

func TestAddAddsNothingIfOneEventIsRefused(t *testing.T) {
	good := invalidation.NewEvent("test", "k")
	odd := invalidation.NewEvent("test", "k")
	odd.ID = "\xff"
	for want, bad := range map[error]invalidation.Event{
		invalidation.ErrMalformed:   {},
		invalidation.ErrUnsupported: {ID: "1", Op: "?", Keys: []string{"k"}},
		invalidation.ErrTooLarge:    invalidation.NewEvent("test", strings.Repeat("k", invalidation.MaxSize)),
	} {
		var tx transaction
		require.ErrorIs(t, outbox.New(outbox.Postgres).Add(t.Context(), &tx, good, bad), want)
		require.Empty(t, tx.statements)
	}
	var tx transaction
	require.ErrorIs(t, outbox.New(outbox.MySQL).Add(t.Context(), &tx, odd), invalidation.ErrMalformed)
	require.NoError(t, outbox.New(outbox.MySQL).Add(t.Context(), &tx))
	require.Empty(t, tx.statements)
}

func TestAddReturnsTheErrorOfTheTransaction(t *testing.T) {
	broken := errors.New("broken")
	err := outbox.New(outbox.SQLite).Add(t.Context(), &transaction{err: broken}, invalidation.NewEvent("test", "k"))
	require.ErrorIs(t, err, broken)
}

// Whatever the character sets of the table and the connection are.
func TestAddWritesASCII(t *testing.T) {
	for _, key := range []string{"k", "ü", "\U0001F600", "\xff", "\x00", "\u2028", strings.Repeat("k", 1025)} {
		var tx transaction
		e := invalidation.NewEvent("ö", key)
		require.NoError(t, outbox.New(outbox.MySQL).Add(t.Context(), &tx, e))
		for _, arg := range tx.statements[0].args {
			for _, c := range arg.(string) {
				require.True(t, ' ' <= c && c <= '~', "%q has %q", arg, c)
			}
		}
		require.LessOrEqual(t, len(tx.statements[0].args[2].(string)), 1024)
		got, err := invalidation.Decode([]byte(tx.statements[0].args[4].(string)))
		require.NoError(t, err)
		require.Equal(t, e.Keys, got.Keys)
		require.Equal(t, e.Origin, got.Origin)
	}
}

func TestAddInsertsManyEventsWithFewStatements(t *testing.T) {
	for name, dialect := range dialects {
		t.Run(name, func(t *testing.T) {
			var events []invalidation.Event
			for i := range 250 {
				events = append(events, invalidation.NewEvent("test", strconv.Itoa(i)))
			}
			var tx transaction
			require.NoError(t, outbox.New(dialect).Add(t.Context(), &tx, events...))
			require.Len(t, tx.statements, 3)
			n := 0
			for _, s := range tx.statements {
				if dialect == outbox.Postgres {
					require.Contains(t, s.query, "($1, $2, $3, $4, $5), ($6, ")
					require.True(t, strings.HasSuffix(s.query, "$"+strconv.Itoa(len(s.args))+")"), s.query)
				} else {
					require.Equal(t, len(s.args), strings.Count(s.query, "?"))
				}
				for ; len(s.args) > 0; s.args = s.args[5:] {
					require.Equal(t, []any{events[n].ID, "cache.invalidation", strconv.Itoa(n), "delete"}, s.args[:4])
					n++
				}
			}
			require.Equal(t, 250, n)
		})
	}
}

func TestLargeEventsAreDividedAndEachStatementIsBounded(t *testing.T) {
	var tx transaction
	large := invalidation.NewEvent("test")
	for i := range 3000 {
		large.Keys = append(large.Keys, strings.Repeat("ü", 300)+strconv.Itoa(i))
	}
	require.NoError(t, outbox.New(outbox.MySQL).Add(t.Context(), &tx, large, invalidation.NewClear("test", "cache")))
	var keys []string
	var kind any
	for _, s := range tx.statements {
		size := 0
		for ; len(s.args) > 0; s.args = s.args[5:] {
			payload := s.args[4].(string)
			size += len(payload)
			e, err := invalidation.Decode([]byte(payload))
			require.NoError(t, err)
			keys = append(keys, e.Keys...)
			kind = s.args[3]
		}
		require.LessOrEqual(t, size, 1<<20)
	}
	require.Equal(t, append(large.Keys, "cache:"), keys)
	require.Equal(t, "clear", kind)
	require.Greater(t, len(tx.statements), 1)
}
