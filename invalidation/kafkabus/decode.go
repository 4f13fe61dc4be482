package kafkabus

import (
	"errors"

	"github.com/cachet-go/cachet/invalidation"
)

// Reason says why a message is among the dead letters.
type Reason string

const (
	// Undecodable: the decoder failed.
	Undecodable Reason = "undecodable"
	// Unsupported: of a version or with an operation that is not known here, see invalidation.ErrUnsupported.
	Unsupported Reason = "unsupported"
	// Oversize: see invalidation.ErrTooLarge.
	Oversize Reason = "oversize"
	// Panicked: the decoder or the handler did.
	Panicked Reason = "panicked"
	// Refused: the handler did not want it, see invalidation.RefusedError.
	Refused Reason = "refused"
)

// reason says what err comes to; otherwise, if nothing in particular.
func reason(err error, otherwise Reason) Reason {
	switch {
	case errors.Is(err, invalidation.ErrPanicked):
		return Panicked
	case errors.Is(err, invalidation.ErrUnsupported):
		return Unsupported
	case errors.Is(err, invalidation.ErrTooLarge):
		return Oversize
	}
	return otherwise
}

// errNoReason is why an event was refused whose handler has not said why.
var errNoReason = errors.New("kafkabus: refused without a reason")

// decoded is a batch as a handler takes it.
type decoded struct {
	events []invalidation.Event
	owner  []int         // of each event: the index of its message
	failed map[int]error // messages that could not be decoded
}

func decode(b batch, decoder invalidation.Decoder) decoded {
	d := decoded{
		events: make([]invalidation.Event, 0, len(b.messages)), owner: make([]int, 0, len(b.messages)),
	}
	for i, m := range b.messages {
		events, err := decodeOne(m, decoder)
		if err != nil {
			d.fail(i, err)
			continue
		}
		for _, e := range events {
			d.events = append(d.events, e)
			d.owner = append(d.owner, i)
		}
	}
	return d
}

func (d *decoded) fail(message int, err error) {
	if d.failed == nil {
		d.failed = make(map[int]error)
	}
	d.failed[message] = err
}

func decodeOne(m invalidation.Message, decoder invalidation.Decoder) (events []invalidation.Event, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = invalidation.Panicked(p)
		}
	}()
	return decoder(m)
}

// refuse notes which messages hold events that a handler has refused.
func (d *decoded) refuse(r *invalidation.RefusedError) {
	for i, err := range r.Refused {
		if i < 0 || i >= len(d.owner) {
			continue // not of this batch
		}
		if err == nil {
			err = errNoReason
		}
		if _, known := d.failed[d.owner[i]]; !known {
			d.fail(d.owner[i], err)
		}
	}
}
