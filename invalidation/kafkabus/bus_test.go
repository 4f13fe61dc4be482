package kafkabus_test

import (
	"testing"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/bustest"
)

func TestTheBusKeepsTheContract(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Conn {
		r := newRig(t, 3)
		return bustest.Conn{
			Publisher:   r.publisher(),
			Subscribe:   func() invalidation.Subscriber { return r.subscriber() },
			DeadLetters: r.deadIDs,
		}
	})
}
