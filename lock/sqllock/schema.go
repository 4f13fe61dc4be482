package sqllock

// What must have been created before locks are taken, by whatever migrates the database. It may be executed again.
const (
	PostgresSchema = `CREATE SEQUENCE IF NOT EXISTS cachet_lock_fence`

	MySQLSchema = `CREATE TABLE IF NOT EXISTS cachet_lock (
	name     VARBINARY(255) NOT NULL PRIMARY KEY,
	fence    BIGINT         NOT NULL,
	owner    VARCHAR(32)    NOT NULL,
	until_us BIGINT         NOT NULL
) ENGINE=InnoDB`

	SQLiteSchema = `CREATE TABLE IF NOT EXISTS cachet_lock (
	name     TEXT    NOT NULL PRIMARY KEY,
	fence    INTEGER NOT NULL,
	owner    TEXT    NOT NULL,
	until_us INTEGER NOT NULL
)`
)
