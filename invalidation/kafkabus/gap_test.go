package kafkabus_test

import (
	"sync"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

// gaps notes what OnGap is told.
type gaps struct {
	mu  sync.Mutex
	all []kafkabus.Gap
}

func (g *gaps) note(c *kafkabus.Config) {
	c.OnGap = func(gap kafkabus.Gap) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.all = append(g.all, gap)
	}
}

func (g *gaps) noted() []kafkabus.Gap {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]kafkabus.Gap(nil), g.all...)
}

func TestALogThatWasTruncatedUnderTheGroupIsAGap(t *testing.T) {
	takesLong(t)
	broker := kafkatest.Start(t, "log.retention.check.interval.ms=200", "log.initial.task.delay.ms=100", "log.segment.delete.delay.ms=100")
	r := rigOn(t, broker.Addr, 0)
	res, err := r.client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: r.cfg.Topic, NumPartitions: 1, ReplicationFactor: 1,
		ConfigEntries: []kafka.ConfigEntry{{ConfigName: "segment.ms", ConfigValue: "100"}},
	}}})
	require.NoError(t, err)
	require.NoError(t, res.Errors[r.cfg.Topic])

	p, d, g := r.publisher(), newSeen(), new(gaps)
	ids := r.publish(p, 10)
	stop := r.subscribe(r.subscriber(g.note), d.handle)
	r.await("10 events", func() bool { return d.all(ids) })
	stop()
	require.EqualValues(t, 10, r.committed(0))

	r.publish(p, 10) // is what nobody consumes for longer than the retention
	time.Sleep(200 * time.Millisecond)
	r.publish(p, 1) // is in a segment of its own
	alter, err := r.client.IncrementalAlterConfigs(t.Context(), &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: r.cfg.Topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{
				Name: "retention.ms", Value: "1", ConfigOperation: kafka.ConfigOperationSet,
			}},
		}},
	})
	require.NoError(t, err)
	require.NoError(t, alter.Resources[0].Error)
	r.await("the log to lose its beginning", func() bool { return r.first(0) >= 20 })

	s := r.subscriber(g.note)
	r.subscribe(s, d.handle)
	r.await("the gap", func() bool { return len(g.noted()) > 0 })
	gap := g.noted()[0]
	require.Equal(t, r.cfg.Topic, gap.Topic)
	require.EqualValues(t, 10, gap.From)
	require.GreaterOrEqual(t, gap.To, int64(20))
	require.EqualValues(t, 1, s.Stats().Gaps)
	time.Sleep(200 * time.Millisecond)
	after := r.publish(p, 3)
	r.await("events after the gap", func() bool { return d.all(after) })
}

func TestATopicThatWasMadeAnewIsAGapAndIsConsumedFromItsBeginning(t *testing.T) {
	r := newRig(t, 1)
	p, d, g := r.publisher(), newSeen(), new(gaps)
	ids := r.publish(p, 20)
	stop := r.subscribe(r.subscriber(g.note), d.handle)
	r.await("20 events", func() bool { return d.all(ids) })
	stop()
	res, err := r.client.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{r.cfg.Topic}})
	require.NoError(t, err)
	require.NoError(t, res.Errors[r.cfg.Topic])
	require.NoError(t, kafkabus.EnsureTopics(t.Context(), r.cfg, kafkabus.Layout{Partitions: 1}))
	r.commit(20) // a broker that forgets a topic forgets its offsets, but one may be too late to do so
	after := r.publish(p, 3)

	r.subscribe(r.subscriber(g.note), d.handle)
	r.await("what the new topic has", func() bool { return d.all(after) })
	require.Equal(t, []kafkabus.Gap{{Topic: r.cfg.Topic, From: 20, To: 0}}, g.noted())
	require.Contains(t, g.noted()[0].String(), "ends before offset 20")
	r.await("the commit", func() bool { return r.committed(0) == 3 })
}

func TestAGapThatNobodyListensForIsReported(t *testing.T) {
	r := newRig(t, 1)
	d := newSeen()
	ids := r.publish(r.publisher(), 3)
	r.commit(1000)
	s := r.subscriber()
	r.subscribe(s, d.handle)
	r.await("3 events", func() bool { return d.all(ids) })
	require.EqualValues(t, 1, s.Stats().Gaps)
}

// first returns the first offset of a partition.
func (r *rig) first(partition int) int64 {
	r.Helper()
	res, err := r.client.ListOffsets(r.Context(), &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{r.cfg.Topic: {kafka.FirstOffsetOf(partition)}},
	})
	require.NoError(r, err)
	return res.Topics[r.cfg.Topic][0].FirstOffset
}

// commit sets the group's offset of partition 0, as an operator would.
func (r *rig) commit(offset int64) {
	r.Helper()
	r.await("the commit to be accepted", func() bool {
		res, err := r.client.OffsetCommit(r.Context(), &kafka.OffsetCommitRequest{
			GroupID: r.cfg.Group, GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{r.cfg.Topic: {{Partition: 0, Offset: offset}}},
		})
		return err == nil && res.Topics[r.cfg.Topic][0].Error == nil
	})
}
