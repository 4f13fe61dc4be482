package acceptance_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/sqltest"
)

// The row that the lock guards, and what was written to it, in order: the row's lock is held while the id is drawn.
const schema = `
	CREATE TABLE account (id INT PRIMARY KEY, n BIGINT NOT NULL, fence BIGINT NOT NULL);
	INSERT INTO account VALUES (1, 0, 0);
	CREATE TABLE history (id BIGSERIAL PRIMARY KEY, fence BIGINT NOT NULL, n BIGINT NOT NULL, process INT NOT NULL)`

// Who comes in claims the row and reads, for otherwise an older holder could still write after that, and who writes must
// be the last that claimed it. Both compare the fence; without the guard they do not.
const (
	claim     = `UPDATE account SET fence = $1 WHERE id = 1 AND fence <= $1 RETURNING n`
	write     = `WITH w AS (UPDATE account SET n = $2, fence = $1 WHERE id = 1 AND fence <= $1 RETURNING n) INSERT INTO history (fence, n, process) SELECT $1, n, $3 FROM w`
	readOnly  = `SELECT n FROM account WHERE id = 1 AND 0 <= $1::bigint`
	writeOnly = `WITH w AS (UPDATE account SET n = $2 WHERE id = 1 RETURNING n) INSERT INTO history (fence, n, process) SELECT $1, n, $3 FROM w`
)

// account is the row as one process sees it.
type account struct {
	db        *sql.DB
	process   int
	unguarded bool
}

// add adds one. inside is called between reading and writing. It reports whether the row accepted it.
func (a account) add(ctx context.Context, fence int64, inside func()) (bool, error) {
	first, second := claim, write
	if a.unguarded {
		first, second = readOnly, writeOnly
	}
	var n int64
	if err := a.db.QueryRowContext(ctx, first, fence).Scan(&n); err != nil {
		return false, err
	}
	inside()
	res, err := a.db.ExecContext(context.WithoutCancel(ctx), second, fence, n+1, a.process)
	if err != nil {
		return false, err
	}
	rows, err := res.RowsAffected()
	return rows == 1, err
}

// verdict is what the history says.
type verdict struct {
	writes    int
	older     int // writes whose fence is older than that of one before
	lost      int // updates that others have overwritten
	processes int // that have written
}

func judge(t *testing.T, server *sqltest.Server) verdict {
	t.Helper()
	db := connect(t, server.DSN())
	var v verdict
	require.NoError(t, db.QueryRow(`
		SELECT count(*), count(*) FILTER (WHERE fence < newest), count(*) FILTER (WHERE n <> place), count(DISTINCT process)
		FROM (SELECT *, max(fence) OVER (ORDER BY id) AS newest, row_number() OVER (ORDER BY id) AS place FROM history) h`).
		Scan(&v.writes, &v.older, &v.lost, &v.processes))
	return v
}

func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}
