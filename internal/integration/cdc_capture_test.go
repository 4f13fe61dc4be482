package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/sqltest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

var cdcCapture = flag.String("cdc.capture", "", "write what Debezium says to this directory, as test vectors")

// Tables and statements for which the vectors stand. %BYTES% is what a database calls that type.
const (
	cdcTables = `
CREATE TABLE plain (id BIGINT PRIMARY KEY, email VARCHAR(64) NOT NULL, name VARCHAR(64), age INT NOT NULL);
CREATE TABLE whole (id BIGINT PRIMARY KEY, email VARCHAR(64) NOT NULL, name VARCHAR(64), age INT NOT NULL);
CREATE TABLE pairs (tenant INT, code VARCHAR(16), name VARCHAR(64), PRIMARY KEY (tenant, code));
CREATE TABLE prices (amount DECIMAL(20,4) PRIMARY KEY, flag BOOLEAN, data %BYTES%);
CREATE TABLE large (id INT PRIMARY KEY, body TEXT, n INT);
`
	cdcWrites = `INSERT INTO %T% VALUES (9007199254740993, 'a@x', 'Ann "A" Ünal', 30);
UPDATE %T% SET email = 'b@x' WHERE id = 9007199254740993;
UPDATE %T% SET id = 2 WHERE id = 9007199254740993;
DELETE FROM %T% WHERE id = 2;
INSERT INTO %T% VALUES (3, 'c@x', NULL, 0);
TRUNCATE TABLE %T%;
`
	cdcMore = `INSERT INTO pairs VALUES (1, 'x:y', 'one');
UPDATE pairs SET code = 'x:z' WHERE tenant = 1;
DELETE FROM pairs;
INSERT INTO prices VALUES (12.5, TRUE, NULL);
DELETE FROM prices;
`
)

// TestCDCCapture writes vectors anew, as for another version of Debezium. What they should mean is not written by it.
func TestCDCCapture(t *testing.T) {
	if *cdcCapture == "" {
		t.Skip("-cdc.capture is not set")
	}
	b := kafkatest.Start(t)
	pg, my := cdcPostgres(t), cdcMariaDB(t)
	pg.Exec(strings.ReplaceAll(cdcTables, "%BYTES%", "BYTEA") + "ALTER TABLE whole REPLICA IDENTITY FULL;")
	my.Exec(strings.ReplaceAll(cdcTables, "%BYTES%", "BLOB"))
	schemas := map[string]string{
		"key.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schemas.enable": "true",
		"value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.enable": "true",
		"decimal.handling.mode": "precise",
	}
	unwrap := map[string]string{
		"transforms": "unwrap", "transforms.unwrap.type": "io.debezium.transforms.ExtractNewRecordState",
	}
	with := func(a, b map[string]string) map[string]string {
		a = maps.Clone(a)
		maps.Copy(a, b)
		return a
	}
	rewrite := with(unwrap, map[string]string{
		"transforms.unwrap.delete.tombstone.handling.mode": "rewrite",
		"transforms.unwrap.add.fields":                     "op,table,schema,source.ts_ms",
	})
	connectors := []map[string]string{
		cdcConnector("postgres", pg, map[string]string{
			"tombstones.on.delete": "true", "provide.transaction.metadata": "true", "heartbeat.interval.ms": "500",
		}),
		cdcConnector("postgres-schema", pg, with(schemas, map[string]string{
			"slot.name": "schema", "publication.name": "schema",
		})),
		cdcConnector("postgres-unwrapped", pg, with(unwrap, map[string]string{
			"slot.name": "unwrapped", "publication.name": "unwrapped", "tombstones.on.delete": "true",
		})),
		cdcConnector("postgres-rewritten", pg, with(rewrite, map[string]string{
			"slot.name": "rewritten", "publication.name": "rewritten",
		})),
		cdcConnector("postgres-cloudevents", pg, map[string]string{
			"slot.name": "cloudevents", "publication.name": "cloudevents",
			"value.converter": "io.debezium.converters.CloudEventsConverter",
		}),
		cdcConnector("mariadb", my, map[string]string{"tombstones.on.delete": "true", "heartbeat.interval.ms": "500"}),
		cdcConnector("mariadb-schema", my, with(schemas, map[string]string{"database.server.id": "8"})),
	}
	for _, c := range connectors {
		c["topic.creation.default.partitions"] = "1" // so that files have the order in which things happened
	}
	kafkatest.Connect(t, b, connectors...)
	for _, s := range []*sqltest.Server{pg, my} {
		for _, table := range []string{"plain", "whole"} {
			s.Exec(strings.ReplaceAll(cdcWrites, "%T%", table))
		}
		s.Exec(cdcMore)
	}
	pg.Exec(`ALTER TABLE large ALTER COLUMN body SET STORAGE EXTERNAL;
INSERT INTO large VALUES (1, repeat('x', 2100), 1);
UPDATE large SET n = 2;
DELETE FROM large;
SELECT pg_logical_emit_message(true, 'cachet', 'hello');`)
	my.Exec(`RENAME TABLE whole TO other;
RENAME TABLE other TO whole;
ALTER TABLE whole ADD COLUMN x INT;
DROP TABLE whole, plain;`)

	for _, c := range connectors {
		p := c["name"]
		var topics []string
		for _, table := range []string{"plain", "whole", "pairs", "prices", "large"} {
			db := ".public."
			if strings.HasPrefix(p, "mariadb") {
				db = ".cachet."
			}
			topics = append(topics, p+db+table)
		}
		if !strings.HasPrefix(p, "mariadb") {
			topics = append(topics, p+".message")
		}
		topics = append(topics, p, p+".transaction", "__debezium-heartbeat."+p)
		cdcDump(t, b, p, topics)
	}
}

// cdcVector is a message in a file of vectors.
type cdcVector struct {
	Topic   string            `json:"topic"`
	Headers map[string]string `json:"headers,omitempty"`
	Key     json.RawMessage   `json:"key,omitempty"`
	Value   json.RawMessage   `json:"value,omitempty"`
}

// cdcDump writes what topics have to a file, topic by topic.
func cdcDump(t *testing.T, b *kafkatest.Broker, name string, topics []string) {
	t.Helper()
	var mu sync.Mutex
	got := make(map[string][]cdcVector)
	sub, err := kafkabus.NewSubscriber(kafkabus.Config{
		Brokers: []string{b.Addr}, Topics: topics, Group: "capture-" + name,
		Error: func(_ context.Context, err error) { t.Log(err) },
		Decoder: func(m invalidation.Message) ([]invalidation.Event, error) {
			v := cdcVector{Topic: m.Topic, Key: bytes.Clone(m.Key), Value: bytes.Clone(m.Value)}
			for _, h := range m.Headers {
				if strings.HasPrefix(h.Name, "__debezium.context.") { // of each run
					continue
				}
				if v.Headers == nil {
					v.Headers = make(map[string]string)
				}
				v.Headers[h.Name] = string(h.Value)
			}
			mu.Lock()
			defer mu.Unlock()
			beside := strings.HasPrefix(m.Topic, "__debezium-heartbeat") || strings.HasSuffix(m.Topic, ".transaction")
			if !beside || len(got[m.Topic]) < 2 {
				got[m.Topic] = append(got[m.Topic], v)
			}
			return nil, nil
		},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	require.NoError(t, sub.Subscribe(ctx, func(context.Context, []invalidation.Event) error { return nil }))
	require.NoError(t, sub.Close())
	var out bytes.Buffer
	for _, topic := range slices.Sorted(maps.Keys(got)) {
		for _, v := range got[topic] {
			line, err := json.Marshal(v)
			require.NoError(t, err, "%s %s %s", v.Topic, v.Key, v.Value)
			out.Write(append(line, '\n'))
		}
	}
	require.NoError(t, os.WriteFile(filepath.Join(*cdcCapture, "debezium-"+name+".jsonl"), out.Bytes(), 0o600))
}
