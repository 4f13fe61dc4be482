package kafkabus_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

func TestALonePublishDoesNotWaitForABatch(t *testing.T) {
	r := newRig(t, 1)
	p := r.publisher()
	r.publish(p, 1)
	var all []time.Duration
	for range 50 {
		time.Sleep(6 * time.Millisecond)
		began := time.Now()
		r.publish(p, 1)
		all = append(all, time.Since(began))
	}
	t.Logf("p50 %v, p90 %v", median(all), percentile(all, 90))
	require.Less(t, percentile(all, 10), 100*time.Millisecond) // kafka.Writer takes a second by default
}

func TestAnEventThatIsPublishedIsInThePartitionThatJavaWouldChoose(t *testing.T) {
	r := newRig(t, 6)
	p := r.publisher()
	for i := range 20 {
		require.NoError(t, p.Publish(t.Context(), invalidation.NewEvent("test", fmt.Sprint("user:", i))))
	}
	total := 0
	for partition := range 6 {
		res, err := r.client.Fetch(t.Context(), &kafka.FetchRequest{
			Topic: r.cfg.Topic, Partition: partition, MinBytes: 0, MaxBytes: 1 << 20, MaxWait: 1,
		})
		require.NoError(t, err)
		for {
			rec, err := res.Records.ReadRecord()
			if err != nil {
				break
			}
			total++
			key, _ := kafka.ReadAll(rec.Key)
			require.Equal(t, partition, kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: key}, 0, 1, 2, 3, 4, 5))
		}
	}
	require.Equal(t, 20, total)
}

func TestWithoutABrokerNothingHasBeenPublished(t *testing.T) {
	p, err := kafkabus.NewPublisher(kafkabus.Config{Brokers: []string{"127.0.0.1:1"}, Topic: "t"})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err = p.Publish(ctx, invalidation.NewEvent("test", "k"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, kafkabus.ErrUnknownOutcome)
	began := time.Now()
	require.NoError(t, p.Close())
	require.Less(t, time.Since(began), time.Second)
	require.ErrorIs(t, p.Publish(t.Context(), invalidation.NewEvent("test", "k")), kafkabus.ErrClosed)
}

func TestABrokerThatHasGoneIsToldFromOneThatHangs(t *testing.T) {
	takesLong(t)
	broker := kafkatest.Start(t)
	r := rigOn(t, broker.Addr, 1)
	p := r.publisher()
	ids := r.publish(p, 1)
	publish := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		e := invalidation.NewEvent("test", "k")
		ids = append(ids, e.ID)
		return p.Publish(ctx, e)
	}
	broker.Freeze()
	require.ErrorIs(t, publish(), kafkabus.ErrUnknownOutcome)
	began := time.Now()
	q := r.publisher()
	go q.Publish(context.Background(), invalidation.NewEvent("test", "k")) // without a deadline
	time.Sleep(100 * time.Millisecond)
	err := q.Close()
	t.Logf("closed after %v: %v", time.Since(began), err)
	require.Less(t, time.Since(began), 7*time.Second)
	broker.Thaw()

	broker.Kill()
	_ = publish() // learns that the connection is gone
	require.Eventually(t, func() bool {
		err := publish()
		require.Error(t, err)
		return !strings.Contains(err.Error(), kafkabus.ErrUnknownOutcome.Error())
	}, patience, 10*time.Millisecond)
	broker.Restart()
	var last invalidation.Event
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	last = invalidation.NewEvent("test", "k")
	require.NoError(t, p.Publish(ctx, last))
	d := newSeen()
	r.subscribe(r.subscriber(), d.handle)
	r.await("the last event", func() bool { return d.all([]string{last.ID}) })
	require.True(t, d.all(ids[:1]))
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids[3:] {
		require.Zero(t, d.count[id], "it was said to be unpublished")
	}
}

func TestPublishWaitsForRoomAndThenSaysSo(t *testing.T) {
	takesLong(t)
	broker := kafkatest.Start(t)
	r := rigOn(t, broker.Addr, 1)
	p := r.publisher(func(c *kafkabus.Config) { c.MaxInFlight = 10 })
	r.publish(p, 100) // more than there is room for, when there is nothing else
	broker.Freeze()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := make(chan error, 1)
	go func() {
		events := make([]invalidation.Event, 8)
		for i := range events {
			events[i] = invalidation.NewEvent("test", rand.Text())
		}
		first <- p.Publish(ctx, events...)
	}()
	r.await("8 in flight", func() bool { return p.Stats().InFlight == 8 })
	short, cancelShort := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancelShort()
	err := p.Publish(short, invalidation.NewEvent("test", "a"), invalidation.NewEvent("test", "b"), invalidation.NewEvent("test", "c"))
	require.ErrorIs(t, err, kafkabus.ErrOverloaded)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotErrorIs(t, err, kafkabus.ErrUnknownOutcome)
	broker.Thaw()
	require.NoError(t, <-first)
	r.publish(p, 3)
}

func TestPublishWaitsForATopicThatIsBeingMade(t *testing.T) {
	r := newRig(t, 0)
	p := r.publisher()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	err := p.Publish(ctx, invalidation.NewEvent("test", "k"))
	require.ErrorIs(t, err, kafka.UnknownTopicOrPartition)
	require.NotErrorIs(t, err, kafkabus.ErrUnknownOutcome)
	done := make(chan error, 1)
	go func() { done <- p.Publish(t.Context(), invalidation.NewEvent("test", "k")) }()
	require.NoError(t, kafkabus.EnsureTopics(t.Context(), r.cfg, kafkabus.Layout{}))
	require.NoError(t, kafkabus.EnsureTopics(t.Context(), r.cfg, kafkabus.Layout{}), "again")
	require.NoError(t, <-done)
}

// Debezium makes its topics itself; their consumer needs a place for dead letters all the same.
func TestEnsureTopicsMakesTheDeadLettersOfAGroupThatConsumesTheTopicsOfOthers(t *testing.T) {
	r := newRig(t, 0)
	cfg := kafkabus.Config{Brokers: r.cfg.Brokers, Topics: []string{r.cfg.Topic}, Group: r.cfg.Group + ".cdc"}
	require.NoError(t, kafkabus.EnsureTopics(t.Context(), cfg, kafkabus.Layout{}))
	meta, err := r.client.Metadata(t.Context(), &kafka.MetadataRequest{})
	require.NoError(t, err)
	var names []string
	for _, topic := range meta.Topics {
		names = append(names, topic.Name)
	}
	require.Contains(t, names, cfg.Group+".dlt")
	require.NotContains(t, names, r.cfg.Topic)
	cfg.Group = ""
	require.ErrorContains(t, kafkabus.EnsureTopics(t.Context(), cfg, kafkabus.Layout{}), "Config.Group")
}

func TestABatchThatTheBrokerFindsTooLargeGoesInParts(t *testing.T) {
	r := newRig(t, 0)
	res, err := r.client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: r.cfg.Topic, NumPartitions: 1, ReplicationFactor: 1,
		ConfigEntries: []kafka.ConfigEntry{{ConfigName: "max.message.bytes", ConfigValue: "20000"}},
	}}})
	require.NoError(t, err)
	require.NoError(t, res.Errors[r.cfg.Topic])
	p := r.publisher()
	ids := r.publish(p, 1000)
	d := newSeen()
	r.subscribe(r.subscriber(), d.handle)
	r.await("1000 events", func() bool { return d.all(ids) })
	for i, e := range d.order {
		require.Equal(t, ids[i], e.ID, "the order")
	}
	require.Zero(t, d.repeated())
	err = p.Publish(t.Context(), invalidation.NewEvent("test", strings.Repeat("x", 30_000)))
	require.ErrorIs(t, err, kafka.MessageSizeTooLarge)
	require.ErrorIs(t, err, invalidation.ErrTooLarge)
	require.NotErrorIs(t, err, kafkabus.ErrUnknownOutcome)
}

func TestHeadersGoWithTheMessagesAndComeBack(t *testing.T) {
	type key struct{}
	r := newRig(t, 1)
	p := r.publisher(func(c *kafkabus.Config) {
		c.Inject = func(ctx context.Context, set func(name, value string)) {
			set("traceparent", ctx.Value(key{}).(string))
		}
	})
	s := r.subscriber(func(c *kafkabus.Config) {
		c.Extract = func(ctx context.Context, batch []invalidation.Message) context.Context {
			parent, _ := batch[0].Header("traceparent")
			return context.WithValue(ctx, key{}, string(parent))
		}
	})
	got := make(chan any, 1)
	r.subscribe(s, func(ctx context.Context, _ []invalidation.Event) error {
		got <- ctx.Value(key{})
		return nil
	})
	require.NoError(t, p.Publish(context.WithValue(t.Context(), key{}, "00-abc"), invalidation.NewEvent("test", "k")))
	require.Equal(t, "00-abc", <-got)
}

func TestManyPublishersAtOnceShareRequests(t *testing.T) {
	r := newRig(t, 1)
	p := r.publisher()
	r.publish(p, 1)
	var all sync.WaitGroup
	began := time.Now()
	for range 64 {
		all.Go(func() {
			for range 50 {
				if err := p.Publish(t.Context(), invalidation.NewEvent("test", rand.Text())); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	t.Logf("%.0f events/s", 64*50/time.Since(began).Seconds())
	require.EqualValues(t, 3201, p.Stats().Published)
	require.Zero(t, p.Stats().InFlight)
}
