package kafkabus_test

import (
	"io"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation/kafkabus"
)

// A leader answers a produce request that it has appended, and whose replicas it waits for, with NotLeaderForPartition
// when it is deposed. One of these replicas may be the next leader, and have the messages.
func TestAnAnswerThatMayFollowAnAppendProvesNothing(t *testing.T) {
	for _, err := range []error{
		kafka.NotLeaderForPartition, kafka.NotEnoughReplicasAfterAppend, kafka.RequestTimedOut, io.ErrUnexpectedEOF,
	} {
		require.True(t, kafkabus.Unproven(err), "%v", err)
	}
	for _, err := range []error{kafka.NotEnoughReplicas, kafka.UnknownTopicOrPartition, kafka.TopicAuthorizationFailed} {
		require.False(t, kafkabus.Unproven(err), "%v", err)
	}
}
