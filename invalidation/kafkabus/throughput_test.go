package kafkabus_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
	"github.com/cachet-go/cachet/store/redisstore"
)

// BenchmarkConsume applies a backlog of events to Redis with Apply and the redisstore; with a bare loop that fetches,
// decodes the JSON of each event and sends its keys to UNLINK, and knows nothing of groups, offsets or failures; and
// with one that takes the messages' keys for those of the records and decodes nothing. Processor time is that of the
// process, and so of the consumer; what is elapsed depends also on who else shares the machine.
func BenchmarkConsume(b *testing.B) {
	const events, partitions = 200_000, 6
	broker, server := kafkatest.Shared(b), redistest.Start(b)
	cfg := kafkabus.Config{Brokers: []string{broker.Addr}, Topic: "bench." + rand.Text()}
	require.NoError(b, kafkabus.EnsureTopics(b.Context(), cfg, kafkabus.Layout{Partitions: partitions}))
	backlog(b, cfg, events)

	var took, used [3][]time.Duration
	for i := 0; b.Loop(); i++ {
		for n := range 3 {
			var t, u time.Duration
			who := (i + n) % 3
			switch who {
			case 0:
				cfg.Group = rand.Text()
				t, u = consume(b, cfg, server, events)
			case 1:
				t, u = unlink(b, cfg, server, partitions, keysOfEvent)
			case 2:
				t, u = unlink(b, cfg, server, partitions, keyOfMessage)
			}
			took[who], used[who] = append(took[who], t), append(used[who], u)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(events/median(took[0]).Seconds(), "events/s")
	b.ReportMetric(events/median(used[0]).Seconds(), "events/cpu-s")
	for who, name := range []string{"", "bare", "keys"} {
		if who == 0 {
			continue
		}
		b.ReportMetric(events/median(took[who]).Seconds(), name+"-events/s")
		b.ReportMetric(median(took[who]).Seconds()/median(took[0]).Seconds(), "x-"+name)
		b.ReportMetric(median(used[who]).Seconds()/median(used[0]).Seconds(), "cpu-x-"+name)
	}
}

// keysOfEvent decodes the event as anybody would.
func keysOfEvent(rec *kafka.Record) []string {
	value, _ := kafka.ReadAll(rec.Value)
	var e struct {
		V    int       `json:"v"`
		ID   string    `json:"id"`
		Op   string    `json:"op"`
		Keys []string  `json:"keys"`
		Time time.Time `json:"time"`
	}
	if err := json.Unmarshal(value, &e); err != nil || e.V != 1 || e.Op != "" {
		panic(err)
	}
	return e.Keys
}

func keyOfMessage(rec *kafka.Record) []string {
	key, _ := kafka.ReadAll(rec.Key)
	return []string{string(key)}
}

func backlog(b *testing.B, cfg kafkabus.Config, n int) {
	b.Helper()
	p, err := kafkabus.NewPublisher(cfg)
	require.NoError(b, err)
	defer p.Close()
	for i := 0; i < n; i += 5000 {
		events := make([]invalidation.Event, 5000)
		for j := range events {
			events[j] = invalidation.NewEvent("products", "products:"+strconv.Itoa(i+j))
		}
		require.NoError(b, p.Publish(b.Context(), events...))
	}
}

// consume returns how long the backlog takes from the first batch on, and the processor time of this process.
func consume(b *testing.B, cfg kafkabus.Config, server *redistest.Server, n int64) (took, used time.Duration) {
	b.Helper()
	var once sync.Once
	var began time.Time
	var before time.Duration
	cfg.Extract = func(ctx context.Context, _ []invalidation.Message) context.Context {
		once.Do(func() { began, before = time.Now(), processor(b) })
		return ctx
	}
	s, err := kafkabus.NewSubscriber(cfg)
	require.NoError(b, err)
	client := server.Client(b)
	st := redisstore.New(client, redisstore.Options{})
	ctx, cancel := context.WithCancel(b.Context())
	left := atomic.Int64{}
	left.Store(n)
	opts := invalidation.Options{Applied: func(_ context.Context, a invalidation.Applied) {
		if left.Add(-int64(a.Events)) == 0 {
			took, used = time.Since(began), processor(b)-before
			cancel()
		}
	}}
	require.NoError(b, invalidation.Apply(ctx, s, st, opts))
	require.Zero(b, left.Load())
	require.NoError(b, s.Close())
	require.NoError(b, st.Close())
	require.NoError(b, client.Close())
	return took, used
}

// unlink is the bare loop.
func unlink(
	b *testing.B, cfg kafkabus.Config, server *redistest.Server, partitions int, keysOf func(*kafka.Record) []string,
) (took, used time.Duration) {
	b.Helper()
	transport := &kafka.Transport{MetadataTopics: []string{cfg.Topic}}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(cfg.Brokers...), Transport: transport}
	store := server.Client(b)
	defer store.Close()
	began, before := time.Now(), processor(b)
	var all sync.WaitGroup
	for p := range partitions {
		all.Go(func() {
			for at, end := int64(0), int64(1); at < end; {
				res, err := client.Fetch(b.Context(), &kafka.FetchRequest{
					Topic: cfg.Topic, Partition: p, Offset: at, MinBytes: 1, MaxBytes: 1 << 20, MaxWait: time.Second,
				})
				if err != nil {
					b.Error(err)
					return
				}
				end = res.HighWatermark
				var keys []string
				for {
					rec, err := res.Records.ReadRecord()
					if err != nil {
						break
					}
					if rec.Offset < at {
						continue
					}
					at = rec.Offset + 1
					keys = append(keys, keysOf(rec)...)
				}
				if err := unlinkAll(b.Context(), store, keys); err != nil {
					b.Error(err)
				}
			}
		})
	}
	all.Wait()
	return time.Since(began), processor(b) - before
}

func unlinkAll(ctx context.Context, client *redis.Client, keys []string) error {
	for len(keys) > 0 {
		n := min(len(keys), 500)
		if err := client.Unlink(ctx, keys[:n]...).Err(); err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

func processor(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
