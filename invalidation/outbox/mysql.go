package outbox

import (
	"context"
	"database/sql"
)

var mysql = grammar{
	schema: `CREATE TABLE IF NOT EXISTS cache_outbox (
	seq           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
	id            VARCHAR(255)  NOT NULL,
	aggregatetype VARCHAR(255)  NOT NULL,
	aggregateid   VARCHAR(1024) NOT NULL,
	type          VARCHAR(255)  NOT NULL,
	payload       MEDIUMTEXT    NOT NULL,
	attempts      INT           NOT NULL DEFAULT 0,
	not_before    DATETIME(6)   NULL,
	created_at    DATETIME(6)   NOT NULL DEFAULT (UTC_TIMESTAMP(6))
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`,
	claim: `SELECT seq, attempts, payload FROM cache_outbox
WHERE attempts <= ? AND (not_before IS NULL OR not_before <= UTC_TIMESTAMP(6)) ORDER BY seq LIMIT ?`,
	park: `UPDATE cache_outbox SET attempts = attempts + 1,
not_before = UTC_TIMESTAMP(6) + INTERVAL ROUND(? * 1000000) MICROSECOND WHERE seq = ?`,
	depth: `SELECT COUNT(*), COUNT(not_before),
COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(6)), 0) / 1000000 FROM cache_outbox`,
	remove: removeMySQL,
	elect:  electMySQL,
}

// removeMySQL deletes runs of rows that follow one another without a gap. A scan that meets a row which a writer has
// not committed waits for that writer; within such a run there is none, and the LIMIT ends the scan before the next
// row. An IN would, on a small table, read all of it.
func removeMySQL(ctx context.Context, s session, seqs []int64) error {
	tx, err := s.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	stmt, err := tx.PrepareContext(ctx, `DELETE FROM cache_outbox WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT ?`)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for len(seqs) > 0 {
		n := 1
		for n < len(seqs) && seqs[n] == seqs[n-1]+1 {
			n++
		}
		if _, err := stmt.ExecContext(ctx, seqs[0], seqs[n-1], n); err != nil {
			return err
		}
		seqs = seqs[n:]
	}
	return tx.Commit()
}

func electMySQL(ctx context.Context, db *sql.DB) (*leader, error) {
	return electByLock(ctx, db,
		// The name is one for the whole server, and has 64 characters at most.
		`SELECT IF(@@GLOBAL.read_only, NULL,
GET_LOCK(CONCAT('cachet.', LEFT(SHA2(CONCAT(DATABASE(), '.cache_outbox'), 256), 40)), 0))`,
		`SET SESSION wait_timeout = 30, SESSION autocommit = 1`,
		// REPEATABLE READ, the default, would lock the gaps that writers insert into.
		`SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED`,
	)
}
