package kafkabus

import (
	"errors"
	"sync"

	"github.com/segmentio/kafka-go"

	"github.com/cachet-go/cachet/invalidation"
)

// message is what is produced: to a topic, and there to the partition of its key.
type message struct {
	topic   string
	key     []byte // nil: any partition
	value   []byte // nil: none
	headers []kafka.Header
	cuts    int // of a dead letter, see cut
}

// size is about what the message takes in a batch.
func (m message) size() int {
	n := len(m.key) + len(m.value) + 32
	for _, h := range m.headers {
		n += len(h.Key) + len(h.Value) + 8
	}
	return n
}

// call is messages that somebody waits for together.
type call struct {
	done chan struct{} // closed when all messages have been settled

	mu sync.Mutex
	// Guarded by mu.
	left      int   // messages not settled
	sending   int   // messages that are being sent
	given     bool  // the caller has gone: what is not being sent will not be
	published bool  // a message has been written
	maybe     bool  // an attempt has had an unknown outcome
	err       error // the first of a message that was refused
	last      error // of an attempt, for who loses patience
}

func newCall(n int) *call { return &call{done: make(chan struct{}), left: n} }

// begin reports whether a message is still to be sent.
func (c *call) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.given {
		return false
	}
	c.sending++
	return true
}

// end says what an attempt has come to, and reports whether another is to be made.
func (c *call) end(o outcome, err error) (again bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending--
	if err != nil {
		c.last = err
	}
	switch o {
	case written:
		c.published = true
	case unknown:
		c.maybe = true
		again = true
	case unsent:
		again = true
	case refused, tooLarge:
		if o == tooLarge { // alone: an outbox sets it aside at once
			err = errors.Join(invalidation.ErrTooLarge, err)
		}
		if c.err == nil {
			c.err = err
		}
	}
	if c.given {
		again = false
	}
	if !again {
		c.settledLocked()
	}
	return again
}

// drop settles a message that is not sent: its caller has gone, or the producer ends.
func (c *call) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = ErrClosed
	}
	c.settledLocked()
}

func (c *call) settledLocked() {
	c.left--
	if c.left == 0 {
		close(c.done)
	}
}

// result is the error of a call all of whose messages were settled.
func (c *call) result() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return nil
	}
	return c.outcomeLocked(c.err)
}

// give makes the call end now, for a cause, and returns its error.
func (c *call) give(cause error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.given = true
	if c.left == 0 && c.err == nil {
		return nil // it has just succeeded
	}
	return c.outcomeLocked(errors.Join(cause, c.last))
}

func (c *call) outcomeLocked(err error) error {
	if c.published || c.maybe || c.sending > 0 {
		return errors.Join(ErrUnknownOutcome, err)
	}
	return err
}
