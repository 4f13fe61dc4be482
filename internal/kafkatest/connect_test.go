package kafkatest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/sqltest"
)

// images are what Debezium says of a change.
type images struct {
	Op     string `json:"op"`
	Before *user  `json:"before"`
	After  *user  `json:"after"`
}

type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

func decode(t *testing.T, records []string) []images {
	t.Helper()
	changes := make([]images, len(records))
	for i, r := range records {
		require.NoError(t, json.Unmarshal([]byte(r), &changes[i]), r)
	}
	return changes
}

func TestConnectTellsWhatDatabasesCommit(t *testing.T) {
	b := kafkatest.Shared(t)
	pg := sqltest.Postgres(t, "wal_level=logical")
	my := sqltest.MariaDB(t, "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL")
	pg.Exec("CREATE TABLE users (id int PRIMARY KEY, name text); ALTER TABLE users REPLICA IDENTITY FULL")
	my.Exec("CREATE TABLE users (id int PRIMARY KEY, name text)")
	connector := func(name, class string, s *sqltest.Server, more map[string]string) map[string]string {
		c := map[string]string{
			"name": name, "connector.class": class, "topic.prefix": name,
			"database.hostname": s.Host, "database.port": s.Port,
			"database.user": s.User, "database.password": s.Password,
			"snapshot.mode": "no_data", "skipped.operations": "none", "tombstones.on.delete": "false",
			"topic.creation.default.partitions": "1",
		}
		for k, v := range more {
			c[k] = v
		}
		return c
	}
	w := kafkatest.Connect(t, b,
		connector("pg", "io.debezium.connector.postgresql.PostgresConnector", pg, map[string]string{
			"database.dbname": pg.Database, "table.include.list": "public.users", "plugin.name": "pgoutput",
		}),
		connector("my", "io.debezium.connector.mariadb.MariaDbConnector", my, map[string]string{
			"database.server.id": "2", "database.include.list": my.Database, "table.include.list": my.Database + ".users",
		}))

	for _, s := range []*sqltest.Server{pg, my} {
		s.Exec("INSERT INTO users VALUES (1, 'a'); UPDATE users SET name = 'b'")
	}
	w.Stop()
	for _, s := range []*sqltest.Server{pg, my} {
		s.Exec("DELETE FROM users")
	}
	w.Restart()
	for _, topic := range []string{"pg.public.users", "my.cachet.users"} {
		changes := decode(t, consume(b, topic, "3"))
		assert.Equal(t, images{Op: "c", After: &user{ID: 1, Name: "a"}}, changes[0])
		assert.Equal(t, images{Op: "u", Before: &user{ID: 1, Name: "a"}, After: &user{ID: 1, Name: "b"}}, changes[1])
		assert.Equal(t, images{Op: "d", Before: &user{ID: 1, Name: "b"}}, changes[2], "committed meanwhile")
	}
}
