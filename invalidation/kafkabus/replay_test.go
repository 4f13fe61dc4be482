package kafkabus_test

import (
	"context"
	"errors"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

func TestReplayPublishesDeadLettersOnce(t *testing.T) {
	r := newRig(t, 2)
	r.produce(1, kafka.Record{Key: kafka.NewBytes([]byte("k")), Value: kafka.NewBytes([]byte("garbage"))})
	ids := r.publish(r.publisher(), 20)
	s := r.subscriber()
	stop := r.subscribe(s, func(_ context.Context, events []invalidation.Event) error {
		refused := make(map[int]error)
		for i := range events {
			refused[i] = errors.New("not now")
		}
		return &invalidation.RefusedError{Refused: refused}
	})
	r.await("21 dead letters", func() bool { return len(r.dead()) == 21 })
	stop()

	wanted := func(m invalidation.Message) bool {
		why, _ := m.Header(kafkabus.HeaderReason)
		return string(why) == string(kafkabus.Refused)
	}
	n, err := kafkabus.Replay(t.Context(), r.cfg, wanted)
	require.NoError(t, err)
	require.Equal(t, 20, n)
	d := newSeen()
	r.subscribe(r.subscriber(), d.handle)
	r.await("20 events", func() bool { return d.all(ids) })
	n, err = kafkabus.Replay(t.Context(), r.cfg, nil)
	require.NoError(t, err)
	require.Zero(t, n, "it has looked at them")
	require.Zero(t, d.repeated())
}
