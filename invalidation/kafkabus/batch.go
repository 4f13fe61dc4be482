package kafkabus

import (
	"errors"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/cachet-go/cachet/invalidation"
)

// batch is what one fetch has brought: messages in the order of their offsets, and where to go on after them.
type batch struct {
	messages []invalidation.Message
	offsets  []int64
	next     int64
	free     []byte // memory for the next message
}

// read takes the messages from position on out of a response, about so many. Control batches, which end transactions,
// are no messages.
func read(topic string, position int64, records kafka.RecordReader, many int) (batch, error) {
	b := batch{next: position, messages: make([]invalidation.Message, 0, many), offsets: make([]int64, 0, many)}
	for {
		rec, err := records.ReadRecord()
		switch {
		case errors.Is(err, io.EOF):
			b.next = max(b.next, after(position, records))
			return b, nil
		case err != nil:
			return b, err
		}
		if rec.Offset < position {
			continue // a batch is compressed, and comes, as a whole
		}
		m, err := b.message(topic, rec)
		if err != nil {
			return b, err
		}
		b.messages = append(b.messages, m)
		b.offsets = append(b.offsets, rec.Offset)
		b.next = rec.Offset + 1
	}
}

// after returns where to go on if a response has no message from position on: past a control batch at its end, and one
// by one past a batch that compaction has emptied, for kafka-go does not tell how far that reaches. Without this rule
// the position would stay before it for ever.
func after(position int64, records kafka.RecordReader) int64 {
	stream, ok := records.(*protocol.RecordStream)
	if !ok || len(stream.Records) == 0 {
		return position
	}
	base, ok := stream.Records[len(stream.Records)-1].(interface{ Offset() int64 })
	if !ok {
		return position
	}
	return max(base.Offset(), position) + 1
}

func (b *batch) message(topic string, rec *kafka.Record) (invalidation.Message, error) {
	m := invalidation.Message{Topic: topic, Time: rec.Time}
	var err error
	if m.Key, err = b.copy(rec.Key); err != nil {
		return m, err
	}
	if m.Value, err = b.copy(rec.Value); err != nil {
		return m, err
	}
	for _, h := range rec.Headers {
		m.Headers = append(m.Headers, invalidation.Header{Name: h.Key, Value: h.Value})
	}
	return m, nil
}

// chunk is how much memory messages share.
const chunk = 64 << 10

// copy copies from, so that its pages can be used again. Only null is nil.
func (b *batch) copy(from kafka.Bytes) ([]byte, error) {
	if from == nil {
		return nil, nil
	}
	defer from.Close() //nolint:errcheck // it gives memory back
	n := from.Len()
	if n > len(b.free) {
		b.free = make([]byte, max(n, chunk))
	}
	to := b.free[:n:n]
	b.free = b.free[n:]
	_, err := io.ReadFull(from, to)
	return to, err
}

// oldest returns the time of the first message.
func (b *batch) oldest() time.Time {
	if len(b.messages) == 0 {
		return time.Time{}
	}
	return b.messages[0].Time
}
