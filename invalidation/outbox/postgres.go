package outbox

import (
	"context"
	"database/sql"
)

var postgres = grammar{
	// Rows come and go at a high rate, hence the settings.
	schema: `CREATE TABLE IF NOT EXISTS cache_outbox (
	seq           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	id            VARCHAR(255)  NOT NULL,
	aggregatetype VARCHAR(255)  NOT NULL,
	aggregateid   VARCHAR(1024) NOT NULL,
	type          VARCHAR(255)  NOT NULL,
	payload       TEXT          NOT NULL,
	attempts      INT           NOT NULL DEFAULT 0,
	not_before    TIMESTAMPTZ,
	created_at    TIMESTAMPTZ   NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 90, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)`,
	numbered: true,
	claim: `SELECT seq, attempts, payload FROM cache_outbox
WHERE attempts <= $1 AND (not_before IS NULL OR not_before <= clock_timestamp()) ORDER BY seq LIMIT $2`,
	park: `UPDATE cache_outbox SET attempts = attempts + 1,
not_before = clock_timestamp() + make_interval(secs => $1) WHERE seq = $2`,
	depth: `SELECT count(*), count(not_before),
coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 FROM cache_outbox`,
	remove: func(ctx context.Context, s session, seqs []int64) error {
		// One parameter, so that one prepared statement does for any number of rows.
		_, err := s.ExecContext(ctx,
			`DELETE FROM cache_outbox WHERE seq = ANY (string_to_array($1, ',')::bigint[])`, list(seqs))
		return err
	},
	elect: electPostgres,
}

func electPostgres(ctx context.Context, db *sql.DB) (*leader, error) {
	return electByLock(ctx, db,
		// The lock is that of the very table: there may be one in each schema. 0x63616368 is "cach".
		`SELECT CASE WHEN pg_is_in_recovery() THEN NULL
WHEN pg_try_advisory_lock(x'63616368'::bigint << 32 | 'cache_outbox'::regclass::oid::bigint) THEN 1 ELSE 0 END`,
		// The first is of PostgreSQL 14. What is not there is not set.
		`SELECT set_config(name, '30000', false) FROM pg_settings WHERE name IN ('idle_session_timeout', 'tcp_user_timeout')`,
		// Otherwise a relay could make a writer's serializable transaction fail.
		`SET default_transaction_isolation = 'read committed'`,
	)
}
