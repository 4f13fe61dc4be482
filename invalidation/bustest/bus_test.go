package bustest_test

import (
	"testing"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/bustest"
)

func TestTheBusInMemoryKeepsTheContract(t *testing.T) {
	bustest.Run(t, func(t *testing.T) bustest.Conn {
		b := bustest.NewBus()
		t.Cleanup(func() { _ = b.Close() })
		return bustest.Conn{
			Publisher: b,
			Subscribe: func() invalidation.Subscriber { return b },
			DeadLetters: func() (ids []string) {
				for _, d := range b.DeadLetters() {
					ids = append(ids, d.Event.ID)
				}
				return ids
			},
		}
	})
}
