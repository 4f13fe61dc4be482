package kafkabus_test

import (
	"context"
	"crypto/rand"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
	"github.com/cachet-go/cachet/store/redisstore"
)

// BenchmarkLatency publishes a thousand events a second, each by a goroutine of its own as writers are, and measures
// from the call of Publish to the end of the batch in which the key is deleted.
func BenchmarkLatency(b *testing.B) {
	const every = time.Millisecond
	broker, server := kafkatest.Shared(b), redistest.Start(b)
	cfg := kafkabus.Config{Brokers: []string{broker.Addr}, Topic: "bench." + rand.Text(), Group: rand.Text()}
	require.NoError(b, kafkabus.EnsureTopics(b.Context(), cfg, kafkabus.Layout{Partitions: 6}))
	p, err := kafkabus.NewPublisher(cfg)
	require.NoError(b, err)
	defer p.Close()

	var mu sync.Mutex
	began := make(map[string]time.Time)
	var all, acks []time.Duration
	s, err := kafkabus.NewSubscriber(cfg)
	require.NoError(b, err)
	st := redisstore.New(server.Client(b), redisstore.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- invalidation.Apply(ctx, timed{s, func(events []invalidation.Event) {
			now := time.Now()
			mu.Lock()
			defer mu.Unlock()
			for _, e := range events {
				if at, ok := began[e.ID]; ok {
					all = append(all, now.Sub(at))
				}
			}
		}}, st, invalidation.Options{})
	}()
	require.NoError(b, p.Publish(b.Context(), invalidation.NewEvent("warm", "up")))
	for s.Stats().Events == 0 {
		time.Sleep(time.Millisecond)
	}

	tick := time.NewTicker(every)
	defer tick.Stop()
	var publishing sync.WaitGroup
	n := 0
	for b.Loop() {
		<-tick.C
		n++
		publishing.Go(func() {
			e := invalidation.NewEvent("products", "products:"+strconv.Itoa(n))
			start := time.Now()
			mu.Lock()
			began[e.ID] = start
			mu.Unlock()
			if err := p.Publish(b.Context(), e); err != nil {
				b.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			acks = append(acks, time.Since(start))
		})
	}
	publishing.Wait()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		mu.Lock()
		got := len(all)
		mu.Unlock()
		if got >= n || time.Now().After(deadline) {
			break
		}
	}
	cancel()
	require.NoError(b, <-done)
	require.NoError(b, s.Close())
	require.NoError(b, st.Close())
	b.ReportMetric(0, "ns/op")
	for _, pc := range []int{50, 99} {
		b.ReportMetric(float64(percentile(acks, pc))/1e6, "publish-p"+strconv.Itoa(pc)+"-ms")
		b.ReportMetric(float64(percentile(all, pc))/1e6, "deleted-p"+strconv.Itoa(pc)+"-ms")
	}
}

// timed is a subscriber that tells of each batch when it has been handled.
type timed struct {
	invalidation.Subscriber

	handled func([]invalidation.Event)
}

func (t timed) Subscribe(ctx context.Context, handle invalidation.Handler) error {
	return t.Subscriber.Subscribe(ctx, func(ctx context.Context, events []invalidation.Event) error {
		err := handle(ctx, events)
		if err == nil {
			t.handled(events)
		}
		return err
	})
}
