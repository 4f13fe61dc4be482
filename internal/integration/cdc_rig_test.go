package integration_test

import (
	"maps"
	"testing"

	"github.com/cachet-go/cachet/internal/sqltest"
)

// cdcPostgres starts a PostgreSQL server whose log can be decoded.
func cdcPostgres(t *testing.T) *sqltest.Server {
	t.Helper()
	return sqltest.Postgres(t, "wal_level=logical", "max_replication_slots=10", "max_wal_senders=10")
}

// cdcMariaDB starts a MariaDB server that logs whole rows.
func cdcMariaDB(t *testing.T) *sqltest.Server {
	t.Helper()
	return sqltest.MariaDB(t, "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL")
}

// cdcConnector returns the configuration of a connector for all tables of a server, as docs/cdc.md has it. Its topics
// begin with name.
func cdcConnector(name string, s *sqltest.Server, more map[string]string) map[string]string {
	c := map[string]string{
		"name": name, "topic.prefix": name,
		"database.hostname": s.Host, "database.port": s.Port, "database.user": s.User, "database.password": s.Password,
		"snapshot.mode": "no_data", "skipped.operations": "none", "decimal.handling.mode": "string",
		"binary.handling.mode": "hex", "tombstones.on.delete": "false", "poll.interval.ms": "50",
		"topic.creation.default.partitions": "3",
	}
	if s.Database == "postgres" {
		maps.Copy(c, map[string]string{
			"connector.class": "io.debezium.connector.postgresql.PostgresConnector", "plugin.name": "pgoutput",
			"database.dbname": s.Database, "slot.name": name, "publication.name": name, "schema.include.list": "public",
		})
	} else {
		maps.Copy(c, map[string]string{
			"connector.class":    "io.debezium.connector.mariadb.MariaDbConnector",
			"database.server.id": "7", "database.include.list": s.Database,
		})
	}
	maps.Copy(c, more)
	return c
}
