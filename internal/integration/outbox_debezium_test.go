package integration_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/sqltest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

// A relay whose publisher does nothing deletes the rows meanwhile: the router reads the log.
func TestDebeziumsEventRouterTakesThePlaceOfTheRelay(t *testing.T) {
	if !*outboxLong {
		t.Skip("-outbox.long is not set")
	}
	broker := kafkatest.Start(t)
	pg := &engine{dialect: outbox.Postgres, driver: "pgx", server: sqltest.Postgres(t, "wal_level=logical")}
	my := &engine{
		dialect: outbox.MySQL, driver: "mysql",
		server: sqltest.MariaDB(t, "--log-bin=binlog", "--binlog-format=ROW", "--binlog-row-image=FULL"),
	}
	inPg, inMy := pg.database(t), my.database(t)
	connector := func(name, class string, d *database, more map[string]string) map[string]string {
		c := map[string]string{
			"name": name, "connector.class": class, "topic.prefix": name,
			"database.hostname": d.server.Host, "database.port": d.server.Port,
			"database.user": d.server.User, "database.password": d.server.Password,
			"snapshot.mode":                     "no_data",
			"topic.creation.default.partitions": "1",

			"transforms":             "outbox",
			"transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
			"transforms.outbox.route.topic.replacement": name + ".${routedByValue}",
		}
		for k, v := range more {
			c[k] = v
		}
		return c
	}
	kafkatest.Connect(t, broker,
		connector("pg", "io.debezium.connector.postgresql.PostgresConnector", inPg, map[string]string{
			"database.dbname": "outbox1", "table.include.list": "public.cache_outbox", "plugin.name": "pgoutput",
		}),
		connector("my", "io.debezium.connector.mariadb.MariaDbConnector", inMy, map[string]string{
			"database.server.id": "2", "database.include.list": "outbox1", "table.include.list": "outbox1.cache_outbox",
		}))
	for name, d := range map[string]*database{"pg": inPg, "my": inMy} {
		b, discard := d.box(t), &recorder{}
		d.relay(t, b, discard)
		sent := events("user:1", "ü\x00\xff", strings.Repeat("long", 1000))
		d.add(t, b, sent...)
		d.add(t, b, invalidation.NewClear("test", "user"))
		d.published(t, discard, "user:1", "ü\x00\xff", strings.Repeat("long", 1000), "user:")
		out := broker.Tool("", "consumer.ConsoleConsumer", "--topic", name+".cache.invalidation",
			"--partition", "0", "--offset", "earliest", "--max-messages", "4", "--timeout-ms", "60000")
		records := strings.Split(strings.TrimSpace(out), "\n")
		require.Len(t, records, 4, out)
		for i, record := range records {
			got, err := invalidation.DecodeMessage(invalidation.Message{Value: []byte(record)})
			require.NoError(t, err, record)
			if i < len(sent) {
				require.Equal(t, sent[i].ID, got[0].ID)
				require.Equal(t, sent[i].Keys, got[0].Keys)
			} else {
				require.Equal(t, invalidation.Clear, got[0].Op)
			}
		}
		t.Logf("%s: %.200s", name, records[0])
	}
}
