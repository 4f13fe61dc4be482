package kafkabus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

// Subscriber consumes topics as a member of a consumer group. Its methods may be called concurrently; each Subscribe
// is a member of its own.
type Subscriber struct {
	cfg      Config
	counters *counters
	reporter *reporter
	timing   timing
	ctx      context.Context //nolint:containedctx // ends when it is closed
	stop     context.CancelFunc

	calls door // of Subscribe

	lettersMu sync.Mutex
	letters   *producer // guarded by lettersMu: for the dead letters; made when first needed
}

var _ invalidation.Subscriber = (*Subscriber)(nil)

// timing is what tests change.
type timing struct {
	maxBytes int64         // of a fetch, unless a single message has more
	maxWait  time.Duration // for news, at the broker
	answer   time.Duration // for an answer, on top of maxWait
	commit   time.Duration // between commits
	watch    time.Duration // between looks at which topics and partitions there are
	dog      time.Duration // how long a partition may go without an answer until its member joins anew
	leave    time.Duration // for leaving the group
	letter   time.Duration // for an attempt to write dead letters
}

var defaultTiming = timing{
	maxBytes: 1 << 20, maxWait: 500 * time.Millisecond, answer: 5 * time.Second, commit: 200 * time.Millisecond,
	watch: 5 * time.Second, dog: 30 * time.Second, leave: 2 * time.Second,
	letter: 5 * time.Second,
}

// NewSubscriber returns a subscriber to cfg.Topic and cfg.Topics. Its error names the field that it refuses; it does
// not connect. All members of a group should name the same topics.
func NewSubscriber(cfg Config) (*Subscriber, error) {
	cfg, err := cfg.complete(subscribing)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Subscriber{
		cfg: cfg, counters: newCounters(), reporter: newReporter(cfg.Error), timing: defaultTiming, ctx: ctx, stop: cancel,
	}, nil
}

// Subscribe implements invalidation.Subscriber. A group that begins does so with the oldest message that the topic has.
// A batch is what one fetch has brought from one partition; handle is called for several partitions at once, and so are
// Config.Decoder and Extract. A message that cannot be decoded, or that has an event which handle refuses, goes to the
// dead letters; while these cannot be written, its partition waits.
//
// No failure is for good: without brokers, topics or permission it tries until it is told to end, and tells
// Config.Error. It returns nil if ctx has ended and ErrClosed if Close was called, once handle has returned. The
// context of handle has the values of ctx.
func (s *Subscriber) Subscribe(ctx context.Context, handle invalidation.Handler) error {
	if handle == nil {
		return errors.New("kafkabus: Subscribe: no handler")
	}
	if !s.calls.enter() {
		return ErrClosed
	}
	defer s.calls.inside.Done()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	unhook := context.AfterFunc(s.ctx, cancel)
	defer unhook()
	m := newMember(s, invalidation.Guard(handle))
	m.run(ctx)
	if s.ctx.Err() != nil {
		return ErrClosed
	}
	return nil
}

// Close ends Subscribe, which gives up its partitions at once, and waits for it: as long as handlers need, which are
// told to end after Config.Drain, but five seconds longer at most. It returns an error if one has not ended by then.
func (s *Subscriber) Close() error {
	idle := s.calls.close()
	s.stop()
	var err error
	select {
	case <-idle:
	case <-time.After(s.cfg.Drain + patience):
		err = fmt.Errorf("kafkabus: a handler has not returned %v after it was told to", patience)
	}
	s.lettersMu.Lock()
	defer s.lettersMu.Unlock()
	if s.letters != nil {
		s.letters.close()
	}
	return err
}

// patience is more than it takes to commit and to leave, each of which has timing.leave.
const patience = 5 * time.Second

// Stats returns a snapshot.
func (s *Subscriber) Stats() Stats { return s.counters.snapshot() }

// deadLetters returns the producer for dead letters. It has connections of its own, for a fetch that waits must not
// hold them up.
func (s *Subscriber) deadLetters() *producer {
	s.lettersMu.Lock()
	defer s.lettersMu.Unlock()
	if s.letters == nil {
		s.letters = newProducer(s.cfg, s.cfg.DeadLetters)
	}
	return s.letters
}
