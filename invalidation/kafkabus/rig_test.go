package kafkabus_test

import (
	"context"
	"crypto/rand"
	"slices"
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

// patience is how long anything may take that is to happen.
const patience = 30 * time.Second

// rig is a topic of its own, with its dead letters, on a broker.
type rig struct {
	*testing.T

	cfg    kafkabus.Config
	client *kafka.Client
}

// newRig makes a topic on the broker that tests share.
func newRig(t *testing.T, partitions int) *rig {
	t.Helper()
	return rigOn(t, kafkatest.Shared(t).Addr, partitions)
}

func rigOn(t *testing.T, addr string, partitions int) *rig {
	t.Helper()
	name := "t." + strings.ToLower(rand.Text())
	r := &rig{
		T: t,
		cfg: kafkabus.Config{
			Brokers: []string{addr}, Topic: name, Group: name + ".group", Session: 6 * time.Second,
			Error: func(_ context.Context, err error) { logf(t, "%v", err) },
		},
		client: &kafka.Client{Addr: kafka.TCP(addr), Timeout: 10 * time.Second, Transport: &kafka.Transport{MetadataTTL: time.Second}},
	}
	t.Cleanup(r.client.Transport.(*kafka.Transport).CloseIdleConnections)
	if partitions > 0 {
		require.NoError(t, kafkabus.EnsureTopics(t.Context(), r.cfg, kafkabus.Layout{Partitions: partitions}))
	}
	return r
}

// logf logs, unless the test has ended, after which a goroutine of somebody's may still have an error to tell.
func logf(t *testing.T, format string, args ...any) {
	t.Helper()
	if t.Context().Err() == nil {
		t.Logf(format, args...)
	}
}

func (r *rig) publisher(changes ...func(*kafkabus.Config)) *kafkabus.Publisher {
	r.Helper()
	cfg := r.cfg
	for _, change := range changes {
		change(&cfg)
	}
	p, err := kafkabus.NewPublisher(cfg)
	require.NoError(r, err)
	r.Cleanup(func() { _ = p.Close() })
	return p
}

func (r *rig) subscriber(changes ...func(*kafkabus.Config)) *kafkabus.Subscriber {
	r.Helper()
	cfg := r.cfg
	for _, change := range changes {
		change(&cfg)
	}
	s, err := kafkabus.NewSubscriber(cfg)
	require.NoError(r, err)
	r.Cleanup(func() { _ = s.Close() })
	return s
}

// publish publishes n events about keys of their own, and returns their ids.
func (r *rig) publish(p *kafkabus.Publisher, n int) (ids []string) {
	r.Helper()
	events := make([]invalidation.Event, n)
	for i := range events {
		events[i] = invalidation.NewEvent("test", "k:"+rand.Text())
		ids = append(ids, events[i].ID)
	}
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	require.NoError(r, p.Publish(ctx, events...))
	return ids
}

// produce writes messages as they are to a partition.
func (r *rig) produce(partition int, records ...kafka.Record) {
	r.Helper()
	type content struct{ key, value []byte }
	contents := make([]content, len(records))
	for i, rec := range records {
		contents[i].key, _ = kafka.ReadAll(rec.Key)
		contents[i].value, _ = kafka.ReadAll(rec.Value)
	}
	r.await("messages to be written", func() bool { // a topic that is new may have no leader yet
		for i, c := range contents {
			records[i].Key, records[i].Value = kafka.NewBytes(c.key), kafka.NewBytes(c.value)
		}
		res, err := r.client.Produce(r.Context(), &kafka.ProduceRequest{
			Topic: r.cfg.Topic, Partition: partition, RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...),
		})
		return err == nil && res.Error == nil
	})
}

// committed returns what the group has committed for a partition, or -1.
func (r *rig) committed(partition int) int64 {
	r.Helper()
	res, err := r.client.OffsetFetch(r.Context(), &kafka.OffsetFetchRequest{
		GroupID: r.cfg.Group, Topics: map[string][]int{r.cfg.Topic: {partition}},
	})
	if err != nil || res.Error != nil || len(res.Topics[r.cfg.Topic]) == 0 {
		return -1 // the coordinator is on its way
	}
	return res.Topics[r.cfg.Topic][0].CommittedOffset
}

// subscribe runs Subscribe until the test ends, or stop.
func (r *rig) subscribe(s *kafkabus.Subscriber, handle invalidation.Handler) (stop func()) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Subscribe(ctx, handle) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil && err != kafkabus.ErrClosed {
				r.Errorf("Subscribe: %v", err)
			}
		case <-time.After(patience):
			r.Error("Subscribe does not end")
		}
	})
	r.Cleanup(stop)
	return stop
}

func (r *rig) await(what string, so func() bool) {
	r.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.Fatalf("waited in vain: %s", what)
		}
	}
}

// seen is a handler that counts deliveries by id.
type seen struct {
	mu    sync.Mutex
	count map[string]int
	order []invalidation.Event
}

func newSeen() *seen { return &seen{count: make(map[string]int)} }

func (d *seen) handle(_ context.Context, events []invalidation.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range events {
		d.count[e.ID]++
	}
	d.order = append(d.order, events...)
	return nil
}

func (d *seen) all(ids []string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !slices.ContainsFunc(ids, func(id string) bool { return d.count[id] == 0 })
}

// repeated returns how many deliveries there were beyond the first of each event.
func (d *seen) repeated() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, c := range d.count {
		n += c - 1
	}
	return n
}

func (d *seen) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.count)
}
