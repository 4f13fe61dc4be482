package bustest_test

import (
	"context"
	"errors"
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

func TestTheBusInMemoryKeepsItsOwnKeys(t *testing.T) {
	b := bustest.NewBus()
	keys := []string{"a"}
	if err := b.Publish(t.Context(), invalidation.NewEvent("x", keys...)); err != nil {
		t.Fatal(err)
	}
	keys[0] = "b"
	ctx, cancel := context.WithCancel(t.Context())
	err := b.Subscribe(ctx, func(_ context.Context, events []invalidation.Event) error {
		defer cancel()
		if got := events[0].Keys[0]; got != "a" {
			t.Errorf("key: got %q, want that which was published", got)
		}
		return &invalidation.RefusedError{Refused: map[int]error{9: errors.New("no such event")}}
	})
	if err != nil || b.Depth() != 0 || len(b.DeadLetters()) != 0 {
		t.Errorf("Subscribe: got %v, %d left, %d dead letters", err, b.Depth(), len(b.DeadLetters()))
	}
	if err := b.Subscribe(t.Context(), nil); err == nil {
		t.Error("Subscribe without a handler: got nil, want an error")
	}
}
