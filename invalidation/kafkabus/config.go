package kafkabus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

// Config is that of a Publisher, of a Subscriber, of EnsureTopics and of Replay; each says which fields it needs. A
// zero field is its default. Its functions, but for Decoder, must not panic: that ends the process, and OnGap is called
// again by the next.
type Config struct {
	// Brokers are where to begin, as host:port. The others are asked for. Required.
	Brokers []string
	// Topic is what to publish to and to consume. Required, except for a Subscriber that has Topics.
	Topic string
	// Topics are more topics to consume, as those of Debezium, which has one per table. One that does not exist yet
	// is waited for while the others are consumed.
	Topics []string
	// Group is the name under which subscribers share the work: one per store that they keep true. Required by
	// NewSubscriber.
	Group string
	// DeadLetters is the topic for messages that nobody can apply. "": Topic + ".dlt" or, without one, Group + ".dlt"
	DeadLetters string

	// TLS is used if not nil. An empty ServerName is that of each broker.
	TLS *tls.Config
	// SASL is used if it has a User.
	SASL SASL

	// Decoder says what a message means. nil: invalidation.DecodeMessage
	Decoder invalidation.Decoder
	// OnGap is told of messages that are lost, before what follows them is delivered. It is called by many goroutines at
	// once, and the partition waits for it: it is the place to clear the caches that the topic is about. nil: it is
	// reported to Error. It may be told again of a gap that it knows, after a crash.
	OnGap func(Gap)
	// Error is told what no method returns, the same at most every ten seconds. It is called by many goroutines at once.
	// nil: slog.Default, at level Warn
	Error func(context.Context, error)

	// Inject adds headers to the messages of a call of Publish, say the traceparent of its context. nil: none
	Inject func(ctx context.Context, set func(name, value string))
	// Extract returns the context with which a batch is handled, which must be ctx or made of it; say with a span that
	// links to those its messages name. nil: ctx itself
	Extract func(ctx context.Context, batch []invalidation.Message) context.Context

	// MaxInFlight bounds the messages that a Publisher has accepted and the brokers have not acknowledged. Publish waits
	// for room. 0: 10,000
	MaxInFlight int
	// Session is how long a subscriber may be silent before others take over its partitions. The broker has bounds for
	// it, from 6 seconds to 30 minutes as a rule. 0: 15s
	Session time.Duration
	// Drain is how long a handler may go on when its subscriber is told to end or loses the partition; then its
	// context ends. At most 10 seconds, which is half of how long the group waits for a member. 0: 5s
	Drain time.Duration
}

const (
	defaultInFlight = 10_000
	defaultSession  = 15 * time.Second
	defaultDrain    = 5 * time.Second
	// rebalance is how long the group waits for a member that is to give up its partitions.
	rebalance = 20 * time.Second
)

// role says for whom a Config is checked.
type role uint8

const (
	publishing role = iota
	subscribing
	administering
)

var topicName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// complete returns c with its defaults, or names the field that makes no sense.
func (c Config) complete(who role) (Config, error) {
	if err := c.check(who); err != nil {
		return c, fmt.Errorf("kafkabus: %w", err)
	}
	if c.DeadLetters == "" {
		c.DeadLetters = c.Topic + ".dlt"
		if c.Topic == "" {
			c.DeadLetters = c.Group + ".dlt"
		}
	}
	if !topicName.MatchString(c.DeadLetters) {
		return c, fmt.Errorf("kafkabus: Config.DeadLetters: %q is no name of a topic", c.DeadLetters)
	}
	if slices.Contains(c.sources(), c.DeadLetters) {
		return c, errors.New("kafkabus: Config.DeadLetters is one of the topics that are consumed")
	}
	if c.Decoder == nil {
		c.Decoder = invalidation.DecodeMessage
	}
	if c.Error == nil {
		c.Error = func(ctx context.Context, err error) {
			slog.Default().WarnContext(ctx, "cachet: kafka", slog.String("topic", c.name()), slog.Any("error", err))
		}
	}
	if c.MaxInFlight == 0 {
		c.MaxInFlight = defaultInFlight
	}
	if c.Session == 0 {
		c.Session = defaultSession
	}
	if c.Drain == 0 {
		c.Drain = defaultDrain
	}
	return c, nil
}

func (c Config) check(who role) error {
	switch {
	case len(c.Brokers) == 0:
		return errors.New("Config.Brokers is required")
	case slices.Contains(c.Brokers, ""):
		return errors.New("Config.Brokers has an empty address")
	case c.Topic == "" && (who == publishing || len(c.Topics) == 0):
		return errors.New("Config.Topic is required")
	case who == subscribing && c.Group == "", c.Topic == "" && c.Group == "" && c.DeadLetters == "":
		return errors.New("Config.Group is required")
	case c.MaxInFlight < 0:
		return errors.New("Config.MaxInFlight is negative")
	case c.Session < 0 || c.Session > 30*time.Minute:
		return errors.New("Config.Session is not between 0 and 30 minutes")
	case c.Drain < 0 || c.Drain > rebalance/2:
		return errors.New("Config.Drain is not between 0 and 10 seconds")
	}
	known := make(map[string]bool)
	for _, topic := range c.sources() {
		switch {
		case !topicName.MatchString(topic):
			return fmt.Errorf("Config.Topic, Topics: %q is no name of a topic", topic)
		case known[topic]:
			return fmt.Errorf("Config.Topics has %q twice", topic)
		}
		known[topic] = true
	}
	return c.SASL.check()
}

// sources are the topics to consume.
func (c Config) sources() []string {
	if c.Topic == "" {
		return c.Topics
	}
	return append([]string{c.Topic}, c.Topics...)
}

// name is for messages to people.
func (c Config) name() string {
	if c.Topic == "" {
		return c.Topics[0]
	}
	return c.Topic
}
