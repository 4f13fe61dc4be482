package kafkatest_test

import (
	"testing"
	"time"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/sqltest"
)

func TestC(t *testing.T) {
	s := time.Now()
	lap := func(what string) { t.Log(what, time.Since(s)); s = time.Now() }
	b := kafkatest.Shared(t)
	lap("broker")
	pg := sqltest.Postgres(t, "wal_level=logical")
	lap("pg")
	pg.Exec("CREATE TABLE users (id int PRIMARY KEY, name text)")
	my := sqltest.MariaDB(t, "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL")
	lap("my")
	my.Exec("CREATE TABLE users (id int PRIMARY KEY, name text)")
	w := kafkatest.Connect(t, b, map[string]string{
		"name": "pg", "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
		"database.hostname": pg.Host, "database.port": pg.Port, "database.user": pg.User, "database.password": pg.Password,
		"database.dbname": pg.Database, "topic.prefix": "pg", "plugin.name": "pgoutput", "publication.autocreate.mode": "filtered",
		"table.include.list": "public.users", "snapshot.mode": "no_data", "skipped.operations": "none",
	}, map[string]string{
		"name": "my", "connector.class": "io.debezium.connector.mariadb.MariaDbConnector",
		"database.hostname": my.Host, "database.port": my.Port, "database.user": my.User, "database.password": my.Password,
		"database.server.id": "184054", "topic.prefix": "my", "database.include.list": my.Database,
		"table.include.list": my.Database + ".users", "snapshot.mode": "no_data", "skipped.operations": "none",
	})
	lap("connect")
	t.Log(w.Output())
	w.Kill()
	lap("kill")
	w.Restart()
	lap("restart")
	w.Stop()
	lap("stop")
	t.Log(w.Output())
}
