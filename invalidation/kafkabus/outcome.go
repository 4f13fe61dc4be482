package kafkabus

import (
	"errors"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// Errors of Publish.
var (
	// ErrUnknownOutcome: some of the events may have been published, or have been. Without it in its chain, an error of
	// Publish means that none of them has been. Publishing them again is harmless either way.
	ErrUnknownOutcome = errors.New("kafkabus: events may or may not have been published")
	// ErrOverloaded: the context ended before there was room for the events, see Config.MaxInFlight.
	ErrOverloaded = errors.New("kafkabus: too many messages in flight")
	// ErrClosed: the Publisher or Subscriber was closed.
	ErrClosed = errors.New("kafkabus: closed")
)

// outcome is what an attempt to produce has come to.
type outcome uint8

const (
	written  outcome = iota
	unsent           // surely not written; another attempt may succeed
	unknown          // perhaps written; another attempt may succeed
	refused          // surely not written, and never will be
	tooLarge         // refused for the size of the batch or of its only message
)

// classify says what err, of an attempt to produce, means. What it does not know is unknown.
func classify(err error) outcome {
	var code kafka.Error
	switch {
	case err == nil:
		return written
	case errors.Is(err, errDial), errors.Is(err, errSevered),
		errors.Is(err, protocol.ErrNoTopic), errors.Is(err, protocol.ErrNoPartition),
		errors.Is(err, protocol.ErrNoLeader):
		return unsent
	case !errors.As(err, &code):
		return unknown
	}
	switch code { //nolint:exhaustive // codes that are not known to be harmless are not
	case kafka.UnknownTopicOrPartition, kafka.LeaderNotAvailable, kafka.NotEnoughReplicas, kafka.BrokerNotAvailable,
		kafka.ReplicaNotAvailable, kafka.ThrottlingQuotaExceeded:
		return unsent
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge:
		return tooLarge
	case kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed, kafka.SASLAuthenticationFailed,
		kafka.UnsupportedSASLMechanism, kafka.InvalidTopic, kafka.InvalidRequiredAcks, kafka.UnsupportedVersion,
		kafka.InvalidTimestamp, kafka.PolicyViolation, kafka.InvalidRecord:
		return refused
	}
	// Among the others is NotLeaderForPartition: a leader that is deposed while it waits for its replicas says so of what
	// it has written, and what they had of it by then stays.
	return unknown
}
