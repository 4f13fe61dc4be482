package kafkabus_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

// poison is a message in the middle of a thousand that nobody can apply.
var poisons = map[string]struct {
	value  string
	reason kafkabus.Reason
}{
	"undecodable": {`{"v":1,`, kafkabus.Undecodable},
	"no event":    {``, kafkabus.Undecodable},
	"unknown op": {
		`{"v":1,"id":"x","op":"soft","keys":["a"],"time":"2026-01-02T03:04:05Z"}`, kafkabus.Unsupported,
	},
	"unknown version": {`{"v":2,"id":"x","keys":["a"],"time":"2026-01-02T03:04:05Z"}`, kafkabus.Unsupported},
	"oversize": {
		`{"v":1,"id":"x","keys":["` + strings.Repeat("a", invalidation.MaxSize) + `"],"time":"2026-01-02T03:04:05Z"}`,
		kafkabus.Oversize,
	},
	"panicking decoder": {`panic`, kafkabus.Panicked},
	"refused":           {`{"v":1,"id":"refuse","keys":["a"],"time":"2026-01-02T03:04:05Z"}`, kafkabus.Refused},
	"panicking handler": {`{"v":1,"id":"panic","keys":["a"],"time":"2026-01-02T03:04:05Z"}`, kafkabus.Panicked},
}

func decodeOrPanic(m invalidation.Message) ([]invalidation.Event, error) {
	if string(m.Value) == "panic" {
		panic("a decoder's bug")
	}
	return invalidation.DecodeMessage(m)
}

// picky is a handler that refuses or panics with certain events, and applies the others.
func picky(d *seen) invalidation.Handler {
	return func(ctx context.Context, events []invalidation.Event) error {
		refused := make(map[int]error)
		for i, e := range events {
			switch e.ID {
			case "refuse":
				refused[i] = errors.New("not for me")
			case "panic":
				panic("a handler's bug")
			default:
				_ = d.handle(ctx, events[i:i+1])
			}
		}
		if len(refused) > 0 {
			return &invalidation.RefusedError{Refused: refused}
		}
		return nil
	}
}

func TestOneBadMessageOfAThousandGoesToTheDeadLettersAndTheOthersAreApplied(t *testing.T) {
	t.Parallel()
	for name, poison := range poisons {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			p := r.publisher()
			ids := r.publish(p, 500)
			r.produce(0, kafka.Record{
				Key: kafka.NewBytes([]byte("the key")), Value: kafka.NewBytes([]byte(poison.value)),
				Headers: []kafka.Header{{Key: "traceparent", Value: []byte("00-1-2-3")}},
			})
			ids = append(ids, r.publish(p, 499)...)

			d := newSeen()
			s := r.subscriber(func(c *kafkabus.Config) { c.Decoder = decodeOrPanic })
			r.subscribe(s, picky(d))
			r.await("999 events", func() bool { return d.all(ids) })
			require.Equal(t, 999, d.len())
			r.await("the commit", func() bool { return r.committed(0) == 1000 })

			dead := r.dead()
			require.Len(t, dead, 1)
			require.Equal(t, "the key", string(dead[0].Key))
			require.Equal(t, poison.value, string(dead[0].Value))
			for header, want := range map[string]string{
				kafkabus.HeaderReason: string(poison.reason), kafkabus.HeaderTopic: r.cfg.Topic,
				kafkabus.HeaderPartition: "0", kafkabus.HeaderOffset: "500", kafkabus.HeaderGroup: r.cfg.Group,
				"traceparent": "00-1-2-3",
			} {
				got, _ := dead[0].Header(header)
				require.Equal(t, want, string(got), header)
			}
			why, _ := dead[0].Header(kafkabus.HeaderError)
			require.NotEmpty(t, why)
			require.Equal(t, int64(1), s.Stats().DeadLetters[poison.reason])
			require.Len(t, s.Stats().DeadLetters, 1)
			require.EqualValues(t, 1000, s.Stats().Messages)
		})
	}
}

func TestNothingIsSkippedWhileTheDeadLettersCannotBeWritten(t *testing.T) {
	r := newRig(t, 1)
	told := make(chan error, 100)
	missing := func(c *kafkabus.Config) {
		c.DeadLetters = r.cfg.Topic + ".later"
		c.Error = func(_ context.Context, err error) { told <- err }
	}
	p := r.publisher()
	before := r.publish(p, 10)
	r.produce(0, kafka.Record{Value: kafka.NewBytes([]byte("poison"))})
	d := newSeen()
	s := r.subscriber(missing)
	r.subscribe(s, d.handle)
	r.await("the events before", func() bool { return d.all(before) })
	for {
		if err := <-told; strings.Contains(err.Error(), "dead letters, without which") {
			break
		}
	}
	after := r.publish(p, 10)
	time.Sleep(time.Second) // nothing is to happen
	require.False(t, d.all(after))
	require.LessOrEqual(t, r.committed(0), int64(10))
	require.NotZero(t, s.Stats().Partitions[0].Handling)

	cfg := r.cfg
	missing(&cfg)
	require.NoError(t, kafkabus.EnsureTopics(t.Context(), cfg, kafkabus.Layout{}))
	r.await("the events after", func() bool { return d.all(after) })
	r.await("the commit", func() bool { return r.committed(0) == 21 })
	require.EqualValues(t, 1, s.Stats().DeadLetters[kafkabus.Undecodable])
}

func TestADeadLetterThatTheBrokerFindsTooLargeGoesWithoutItsValue(t *testing.T) {
	r := newRig(t, 1)
	value := strings.Repeat("x", 1<<20-200) // with a letter's headers it is more than a MiB
	r.produce(0, kafka.Record{Key: kafka.NewBytes([]byte("k")), Value: kafka.NewBytes([]byte(value))})
	after := r.publish(r.publisher(), 1)
	d := newSeen()
	r.subscribe(r.subscriber(), d.handle)
	r.await("the event after", func() bool { return d.all(after) })
	dead := r.dead()
	require.Len(t, dead, 1)
	require.Nil(t, dead[0].Value)
	cut, _ := dead[0].Header(kafkabus.HeaderCut)
	require.Equal(t, "1048376", string(cut))
}

func TestOnlyTheMessagesThatHoldRefusedEventsAreDeadLetters(t *testing.T) {
	r := newRig(t, 1)
	r.produce(
		0,
		kafka.Record{Value: kafka.NewBytes([]byte("a b"))},
		kafka.Record{Value: kafka.NewBytes([]byte(""))}, // means no event
		kafka.Record{Value: kafka.NewBytes([]byte("c refuse d"))},
		kafka.Record{Value: kafka.NewBytes([]byte("e"))},
	)
	s := r.subscriber(func(c *kafkabus.Config) {
		c.Decoder = func(m invalidation.Message) (events []invalidation.Event, err error) {
			for _, id := range strings.Fields(string(m.Value)) {
				events = append(events, invalidation.Event{ID: id, Keys: []string{id}})
			}
			return events, nil
		}
	})
	d := newSeen()
	r.subscribe(s, picky(d))
	r.await("the commit", func() bool { return r.committed(0) == 4 })
	require.True(t, d.all([]string{"a", "b", "c", "d", "e"}))
	dead := r.dead()
	require.Len(t, dead, 1)
	require.Equal(t, "c refuse d", string(dead[0].Value))
}

// A message whose key alone is too large for the topic of the dead letters is no reason to stop for ever.
func TestADeadLetterThatIsTooLargeWithoutItsValueGoesWithoutItsKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	large := []byte(strings.Repeat("x", 1<<20-200))
	r.produce(0, kafka.Record{Key: kafka.NewBytes(large), Value: kafka.NewBytes([]byte("poison"))})
	r.produce(0, kafka.Record{Headers: []kafka.Header{{Key: "large", Value: large}}}) // without a value from the beginning
	after := r.publish(r.publisher(), 1)
	d := newSeen()
	r.subscribe(r.subscriber(), d.handle)
	r.await("the event after", func() bool { return d.all(after) })
	dead := r.dead()
	require.Len(t, dead, 2)
	for i, cut := range []string{"6", "0"} {
		require.Nil(t, dead[i].Key)
		require.Nil(t, dead[i].Value)
		for header, want := range map[string]string{
			kafkabus.HeaderCut: cut, kafkabus.HeaderTopic: r.cfg.Topic, kafkabus.HeaderOffset: strconv.Itoa(i),
			kafkabus.HeaderReason: string(kafkabus.Undecodable),
		} {
			got, _ := dead[i].Header(header)
			require.Equal(t, want, string(got), header)
		}
	}
}

func TestAnEventThatIsRefusedWithoutAReasonIsADeadLetter(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.publish(r.publisher(), 1)
	s := r.subscriber()
	r.subscribe(s, func(context.Context, []invalidation.Event) error {
		return &invalidation.RefusedError{Refused: map[int]error{0: nil}}
	})
	r.await("the commit", func() bool { return r.committed(0) == 1 })
	require.Equal(t, ids, r.deadIDs())
	require.EqualValues(t, 1, s.Stats().DeadLetters[kafkabus.Refused])
}

// What cannot be written in the time of one attempt is not begun again and again. One fetch may bring a million
// messages, compressed.
func TestMoreDeadLettersThanOneAttemptCanWriteAreWritten(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	const many = 50_000
	records := make([]kafka.Record, many)
	for i := range records {
		records[i] = kafka.Record{Value: kafka.NewBytes([]byte("x"))}
	}
	res, err := r.client.Produce(t.Context(), &kafka.ProduceRequest{
		Topic: r.cfg.Topic, RequiredAcks: kafka.RequireAll, Compression: kafka.Gzip,
		Records: kafka.NewRecordReader(records...),
	})
	require.NoError(t, err)
	require.NoError(t, res.Error)
	s := r.subscriber(func(c *kafkabus.Config) {
		c.Decoder = func(invalidation.Message) ([]invalidation.Event, error) {
			return nil, errors.New(strings.Repeat("why ", 200))
		}
	})
	s.LetterTime(500 * time.Millisecond)
	r.subscribe(s, newSeen().handle)
	r.await("the commit", func() bool { return r.committed(0) == many })
	topic := r.cfg.Topic + ".dlt"
	end, err := r.client.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{
		Topics: map[string][]kafka.OffsetRequest{topic: {kafka.LastOffsetOf(0)}},
	})
	require.NoError(t, err)
	require.GreaterOrEqual(t, end.Topics[topic][0].LastOffset, int64(many))
	require.Less(t, end.Topics[topic][0].LastOffset, int64(2*many))
}
