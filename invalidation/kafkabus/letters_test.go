package kafkabus_test

import (
	"errors"
	"io"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
)

// dead returns the dead letters there are.
func (r *rig) dead() (letters []invalidation.Message) {
	r.Helper()
	topic := r.cfg.Topic + ".dlt"
	for offset := int64(0); ; {
		res, err := r.client.Fetch(r.Context(), &kafka.FetchRequest{
			Topic: topic, Offset: offset, MinBytes: 0, MaxBytes: 10 << 20, MaxWait: 1,
		})
		require.NoError(r, err)
		require.NoError(r, res.Error)
		for {
			rec, err := res.Records.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(r, err)
			if rec.Offset < offset {
				continue
			}
			m := invalidation.Message{Topic: topic, Time: rec.Time}
			m.Key, _ = kafka.ReadAll(rec.Key)
			m.Value, _ = kafka.ReadAll(rec.Value)
			for _, h := range rec.Headers {
				m.Headers = append(m.Headers, invalidation.Header{Name: h.Key, Value: h.Value})
			}
			letters = append(letters, m)
			offset = rec.Offset + 1
		}
		if offset >= res.HighWatermark {
			return letters
		}
	}
}

// deadIDs returns the ids of those that are events.
func (r *rig) deadIDs() (ids []string) {
	r.Helper()
	for _, m := range r.dead() {
		if e, err := invalidation.Decode(m.Value); err == nil {
			ids = append(ids, e.ID)
		}
	}
	return ids
}
