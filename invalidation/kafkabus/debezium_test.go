package kafkabus_test

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/invalidation/cdc"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

// BenchmarkConsumeDebezium applies a backlog of updates as Debezium tells them, without schemas.
func BenchmarkConsumeDebezium(b *testing.B) {
	const events = 100_000
	broker, server := kafkatest.Shared(b), redistest.Start(b)
	dec, err := cdc.Debezium(cdc.Mapping{Tables: []cdc.Table{{
		Name: "public.users", Keys: []cdc.Key{{Cache: "user", Columns: []string{"id"}}},
	}}})
	require.NoError(b, err)
	cfg := kafkabus.Config{Brokers: []string{broker.Addr}, Topic: "bench." + rand.Text(), Decoder: dec.Decode}
	require.NoError(b, kafkabus.EnsureTopics(b.Context(), cfg, kafkabus.Layout{Partitions: 6}))
	w := &kafka.Writer{
		Addr: kafka.TCP(broker.Addr), Topic: cfg.Topic, Balancer: kafka.Murmur2Balancer{},
		BatchSize: 2000, BatchTimeout: 5 * time.Millisecond, RequiredAcks: kafka.RequireAll,
	}
	for i := 0; i < events; i += 5000 {
		messages := make([]kafka.Message, 5000)
		for j := range messages {
			messages[j] = kafka.Message{Key: fmt.Appendf(nil, `{"id":%d}`, i+j), Value: fmt.Appendf(nil, update, i+j, i+j)}
		}
		require.NoError(b, w.WriteMessages(b.Context(), messages...))
	}
	require.NoError(b, w.Close())
	var took, used []time.Duration
	for b.Loop() {
		cfg.Group = rand.Text()
		t, u := consume(b, cfg, server, events)
		took, used = append(took, t), append(used, u)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(events/median(took).Seconds(), "events/s")
	b.ReportMetric(events/median(used).Seconds(), "events/cpu-s")
}

const update = `{"before":null,"after":{"id":%d,"name":"Anne Marie Kretchmar","email":"annek%d@noanswer.org","age":41},` +
	`"source":{"version":"3.5.0.Final","connector":"postgresql","name":"app","ts_ms":1559033904863,"snapshot":"false",` +
	`"db":"app","sequence":"[\"24023119\",\"24023128\"]","ts_us":1559033904863769,"ts_ns":1559033904863769000,` +
	`"schema":"public","table":"users","txId":555,"lsn":24023128,"xmin":null},"transaction":null,"op":"u",` +
	`"ts_ms":1559033904870,"ts_us":1559033904870123,"ts_ns":1559033904870123456}`
