package invalidation

import (
	"context"
	"time"
)

// Publisher sends events to all who subscribe. Its methods may be called concurrently.
type Publisher interface {
	// Publish returns nil once events cannot be lost any more. With an error any of them may or may not have been
	// published; publishing them again is harmless. Events about one first key keep their order. Those that
	// Event.Validate refuses are not sent, nor are the others of the call.
	Publish(ctx context.Context, events ...Event) error
}

// Subscriber delivers events.
type Subscriber interface {
	// Subscribe calls handle with batches of events until ctx ends, which is no error, or the subscriber is closed or
	// fails for good. It calls it concurrently, but events about one first key one after another. An event is delivered
	// until handle has returned nil for a batch with it, or has refused it (*RefusedError); with any other error the
	// batch comes again, after a pause. When it returns, no call of handle is under way.
	//
	// The context of handle ends when what it does has no purpose any more: another has taken over, or Subscribe was
	// told to end and has waited long enough.
	Subscribe(ctx context.Context, handle Handler) error
}

// Handler applies a batch of events.
type Handler func(ctx context.Context, events []Event) error

// Message is what a queue delivers, before anybody knows what it means.
type Message struct {
	Topic   string
	Key     []byte // nil: none
	Value   []byte // nil: none (a tombstone), which is not the same as empty
	Headers []Header
	Time    time.Time
}

// Header is a header of a Message. Names may repeat.
type Header struct {
	Name  string
	Value []byte
}

// Header returns the value of the first header of a name.
func (m Message) Header(name string) (value []byte, ok bool) {
	for _, h := range m.Headers {
		if h.Name == name {
			return h.Value, true
		}
	}
	return nil, false
}

// Decoder says what a message means: several events, or none. It may be called concurrently and must not keep the
// message. A message for which it fails or panics goes to the dead letters.
type Decoder func(Message) ([]Event, error)

// DecodeMessage is the Decoder of messages that hold the JSON of an event. It takes what the outbox event router of
// Debezium makes of it, too: the same in quotes.
func DecodeMessage(m Message) ([]Event, error) {
	value := m.Value
	if len(value) > 0 && value[0] == '"' {
		value = unquote(value)
	}
	e, err := Decode(value)
	if err != nil {
		return nil, err
	}
	return []Event{e}, nil
}
