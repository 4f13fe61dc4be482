package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/cachet-go/cachet/internal/sqltest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

// engine is a kind of database, and the server that the tests share.
type engine struct {
	dialect outbox.Dialect
	driver  string
	server  *sqltest.Server // nil: none
	made    atomic.Int64
}

// database is one of its own for a test.
type database struct {
	*engine
	*sql.DB
	dsn string
}

func TestOutboxOnSQLite(t *testing.T) { //nolint:tparallel // its clauses share a server, which one of them restarts
	t.Parallel()
	outboxSuite(t, &engine{dialect: outbox.SQLite, driver: "sqlite"})
}

func TestOutboxOnPostgres(t *testing.T) { //nolint:tparallel // its clauses share a server, which one of them restarts
	t.Parallel()
	outboxSuite(t, &engine{dialect: outbox.Postgres, driver: "pgx", server: sqltest.Postgres(t)})
}

func TestOutboxOnMariaDB(t *testing.T) { //nolint:tparallel // its clauses share a server, which one of them restarts
	t.Parallel()
	outboxSuite(t, &engine{dialect: outbox.MySQL, driver: "mysql", server: sqltest.MariaDB(t)})
}

// database returns one with the table, and with a table of records whose versions begin at 0.
func (e *engine) database(t *testing.T) *database {
	t.Helper()
	d := &database{engine: e}
	if e.server == nil {
		d.dsn = "file:" + filepath.Join(t.TempDir(), "outbox.db") +
			"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_txlock=immediate"
	} else {
		name := fmt.Sprintf("outbox%d", e.made.Add(1))
		e.server.Exec("CREATE DATABASE " + name)
		d.dsn = strings.Replace(e.server.DSN(), "/"+e.server.Database+"?", "/"+name+"?", 1)
	}
	d.DB = d.open(t)
	d.exec(t, outbox.New(e.dialect).Schema())
	d.exec(t, `CREATE TABLE record (id INT PRIMARY KEY, version INT NOT NULL)`)
	for id := range records {
		d.exec(t, fmt.Sprintf(`INSERT INTO record VALUES (%d, 0)`, id))
	}
	return d
}

const records = 8

func (d *database) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open(d.driver, d.dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func (d *database) exec(t *testing.T, statement string) {
	t.Helper()
	_, err := d.ExecContext(t.Context(), statement)
	require.NoError(t, err, statement)
}

// box returns a Box whose reports go to the log of the test.
func (e *engine) box(t *testing.T) *outbox.Box {
	t.Helper()
	b := outbox.New(e.dialect)
	b.Error = func(_ context.Context, err error) { t.Log(err) }
	return b
}

// add commits events.
func (d *database) add(t *testing.T, b *outbox.Box, events ...invalidation.Event) {
	t.Helper()
	tx, err := d.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer tx.Rollback()
	require.NoError(t, b.Add(t.Context(), tx, events...))
	require.NoError(t, tx.Commit())
}

func (d *database) depth(t *testing.T) outbox.Depth {
	t.Helper()
	depth, err := outbox.New(d.dialect).Depth(t.Context(), d.DB)
	require.NoError(t, err)
	return depth
}

func events(keys ...string) (list []invalidation.Event) {
	for _, key := range keys {
		list = append(list, invalidation.NewEvent("test", key))
	}
	return list
}

// named returns n keys.
func named(prefix string, n int) (keys []string) {
	for i := range n {
		keys = append(keys, fmt.Sprint(prefix, i))
	}
	return keys
}
