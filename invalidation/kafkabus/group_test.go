package kafkabus_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

func TestCloseOfAnIdleSubscriberIsQuickAndLeavesTheGroup(t *testing.T) {
	r := newRig(t, 3)
	d := newSeen()
	s := r.subscriber()
	ids := r.publish(r.publisher(), 30)
	done := make(chan error, 1)
	go func() { done <- s.Subscribe(t.Context(), d.handle) }()
	r.await("30 events", func() bool { return d.all(ids) })
	time.Sleep(300 * time.Millisecond) // it commits, and waits in its fetches

	began := time.Now()
	require.NoError(t, s.Close())
	took := time.Since(began)
	require.ErrorIs(t, <-done, kafkabus.ErrClosed)
	require.Less(t, took, 100*time.Millisecond)
	t.Logf("closed after %v", took)
	require.ErrorIs(t, s.Subscribe(t.Context(), d.handle), kafkabus.ErrClosed)
	require.NoError(t, s.Close())

	res, err := r.client.DescribeGroups(t.Context(), &kafka.DescribeGroupsRequest{GroupIDs: []string{r.cfg.Group}})
	require.NoError(t, err)
	require.Empty(t, res.Groups[0].Members)
	require.Empty(t, s.Stats().Partitions)
}

func TestNoGoroutineOutlivesCloseByMoreThanAMoment(t *testing.T) {
	r := newRig(t, 3)
	r.produce(0, kafka.Record{Value: kafka.NewBytes([]byte("poison"))}) // the test's own client has goroutines, too
	before := runtime.NumGoroutine()
	d := newSeen()
	p, err := kafkabus.NewPublisher(r.cfg)
	require.NoError(t, err)
	ids := r.publish(p, 30)
	r.produce(0, kafka.Record{Value: kafka.NewBytes([]byte("poison"))})
	s, err := kafkabus.NewSubscriber(r.cfg)
	require.NoError(t, err)
	go s.Subscribe(t.Context(), d.handle)
	r.await("30 events", func() bool { return d.all(ids) && s.Stats().DeadLetters[kafkabus.Undecodable] == 2 })
	require.NoError(t, s.Close())
	require.NoError(t, p.Close())
	r.await("the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestAMissingTopicIsWaitedForWithoutSpinning(t *testing.T) {
	r := newRig(t, 0)
	var told atomic.Int64
	s := r.subscriber(func(c *kafkabus.Config) {
		c.Error = func(_ context.Context, err error) {
			if strings.Contains(err.Error(), "waiting for a topic") {
				told.Add(1)
			}
		}
	})
	d := newSeen()
	r.subscribe(s, d.handle)
	time.Sleep(2 * time.Second)
	require.Zero(t, s.Stats().Rebalances, "it has not joined")
	require.EqualValues(t, 1, told.Load())
	require.NoError(t, kafkabus.EnsureTopics(t.Context(), r.cfg, kafkabus.Layout{Partitions: 2}))
	ids := r.publish(r.publisher(), 20)
	r.await("20 events", func() bool { return d.all(ids) })
	require.EqualValues(t, 1, s.Stats().Rebalances)
}

func TestATopicThatComesLaterIsConsumedToo(t *testing.T) {
	r := newRig(t, 1)
	late := r.cfg.Topic + ".late"
	s := r.subscriber(func(c *kafkabus.Config) { c.Topics = []string{late} })
	s.Timing(1<<20, 500*time.Millisecond, 5*time.Second, 200*time.Millisecond, 30*time.Second)
	d := newSeen()
	r.subscribe(s, d.handle)
	ids := r.publish(r.publisher(), 10)
	r.await("the first topic", func() bool { return d.all(ids) })

	other := r.cfg
	other.Topic = late
	require.NoError(t, kafkabus.EnsureTopics(t.Context(), other, kafkabus.Layout{Partitions: 2}))
	ids = r.publish(r.publisher(func(c *kafkabus.Config) { c.Topic = late }), 10)
	r.await("the other topic", func() bool { return d.all(ids) })

	// And when one goes, the other stays.
	res, err := r.client.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{late}})
	require.NoError(t, err)
	require.NoError(t, res.Errors[late])
	r.await("the other topic to be given up", func() bool { return len(s.Stats().Partitions) == 1 })
	before := s.Stats().Rebalances
	time.Sleep(2 * time.Second)
	require.LessOrEqual(t, s.Stats().Rebalances-before, int64(2), "it spins")
	ids = r.publish(r.publisher(), 10)
	r.await("the first topic again", func() bool { return d.all(ids) })
}

func TestPartitionsThatAreAddedAreConsumed(t *testing.T) {
	r := newRig(t, 1)
	s := r.subscriber()
	s.Timing(1<<20, 500*time.Millisecond, 5*time.Second, 200*time.Millisecond, 30*time.Second)
	d := newSeen()
	r.subscribe(s, d.handle)
	ids := r.publish(r.publisher(), 5)
	r.await("5 events", func() bool { return d.all(ids) })
	res, err := r.client.CreatePartitions(t.Context(), &kafka.CreatePartitionsRequest{
		Topics: []kafka.TopicPartitionsConfig{{Name: r.cfg.Topic, Count: 4}},
	})
	require.NoError(t, err)
	require.NoError(t, res.Errors[r.cfg.Topic])
	p := r.publisher()
	r.await("events in a new partition", func() bool {
		ids = append(ids, r.publish(p, 5)...)
		return r.committed(3) > 0
	})
	r.await("all events", func() bool { return d.all(ids) })
}

func TestAStoreThatIsDownForLongerThanTheSessionCausesNoRebalance(t *testing.T) {
	takesLong(t)
	r := newRig(t, 2)
	ids := r.publish(r.publisher(), 20)
	var down atomic.Bool
	down.Store(true)
	d := newSeen()
	s := r.subscriber()
	r.subscribe(s, func(ctx context.Context, events []invalidation.Event) error {
		if down.Load() {
			return errors.New("the store is down")
		}
		return d.handle(ctx, events)
	})
	r.await("two failures", func() bool { return s.Stats().Redeliveries > 2 })
	time.Sleep(r.cfg.Session + time.Second)
	require.EqualValues(t, 1, s.Stats().Rebalances)
	require.Zero(t, r.committed(0)+r.committed(1), "only where it began")
	down.Store(false)
	r.await("20 events", func() bool { return d.all(ids) })
	require.Zero(t, d.repeated())
}

func TestABrokerThatIsKilledAndRestartedLosesNothing(t *testing.T) {
	takesLong(t)
	broker := kafkatest.Start(t)
	r := rigOn(t, broker.Addr, 3)
	d := newSeen()
	s := r.subscriber()
	r.subscribe(s, d.handle)
	p := r.publisher()
	ids := r.publish(p, 100)
	r.await("100 events", func() bool { return d.all(ids) })
	var mu sync.Mutex
	var publishing sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		publishing.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				e := invalidation.NewEvent("test", "k")
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				err := p.Publish(ctx, e)
				cancel()
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				ids = append(ids, e.ID)
				mu.Unlock()
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	broker.Restart()
	time.Sleep(time.Second)
	close(stop)
	publishing.Wait()
	r.await("all events", func() bool { return d.all(ids) })
	t.Logf("%d events, %d delivered again, publisher %+v", len(ids), d.repeated(), p.Stats())
}

func TestABrokerThatHangsIsGivenUpAndFoundAgain(t *testing.T) {
	takesLong(t)
	broker := kafkatest.Start(t)
	r := rigOn(t, broker.Addr, 1)
	s := r.subscriber()
	s.Timing(1<<20, 100*time.Millisecond, 300*time.Millisecond, time.Second, time.Second)
	d := newSeen()
	r.subscribe(s, d.handle)
	p := r.publisher()
	ids := r.publish(p, 10)
	r.await("10 events", func() bool { return d.all(ids) })
	broker.Freeze()
	r.await("the watchdog", func() bool { return len(s.Stats().Partitions) == 0 && s.Stats().FetchErrors > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, p.Publish(ctx, invalidation.NewEvent("test", "k")), kafkabus.ErrUnknownOutcome)
	broker.Thaw()
	ids = r.publish(p, 10)
	r.await("10 events more", func() bool { return d.all(ids) })
}

func TestCloseDoesNotWaitForABrokerThatHangs(t *testing.T) {
	takesLong(t)
	broker := kafkatest.Start(t)
	r := rigOn(t, broker.Addr, 1)
	s, d := r.subscriber(), newSeen()
	done := make(chan error, 1)
	go func() { done <- s.Subscribe(t.Context(), d.handle) }()
	ids := r.publish(r.publisher(), 1)
	r.await("an event", func() bool { return d.all(ids) })
	broker.Freeze()
	defer broker.Thaw()
	began := time.Now()
	require.NoError(t, s.Close())
	require.Less(t, time.Since(began), 8*time.Second)
	t.Logf("closed after %v", time.Since(began))
	require.ErrorIs(t, <-done, kafkabus.ErrClosed)
}

// Else a log that loses what came before the group had handled anything would not be a gap.
func TestAGroupCommitsWhereItBegins(t *testing.T) {
	r := newRig(t, 1)
	r.subscribe(r.subscriber(), newSeen().handle)
	r.await("the commit", func() bool { return r.committed(0) == 0 })
}

func TestAHandlerIsToldToEndAfterTheDrain(t *testing.T) {
	r := newRig(t, 1)
	r.publish(r.publisher(), 1)
	s := r.subscriber(func(c *kafkabus.Config) { c.Drain = 300 * time.Millisecond })
	began, ended := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Subscribe(ctx, func(ctx context.Context, _ []invalidation.Event) error {
			close(began)
			<-ctx.Done()
			close(ended)
			return ctx.Err()
		})
	}()
	<-began
	cancel()
	select {
	case <-ended:
		t.Fatal("at once")
	case <-time.After(100 * time.Millisecond):
	}
	require.NoError(t, <-done)
	<-ended
	require.Zero(t, r.committed(0), "only where it began")
}

func TestABatchUnderWayIsFinishedAndCommittedWhenToldToEnd(t *testing.T) {
	r := newRig(t, 1)
	r.publish(r.publisher(), 7)
	s := r.subscriber()
	began, goOn := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Subscribe(ctx, func(context.Context, []invalidation.Event) error {
			close(began)
			<-goOn
			return nil
		})
	}()
	<-began
	cancel()
	close(goOn)
	require.NoError(t, <-done)
	require.Positive(t, r.committed(0))
}
