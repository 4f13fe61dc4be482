package bench_test

import (
	"context"
	"encoding/json"
	"strconv"
	"testing"

	"github.com/cachet-go/cachet/invalidation"
)

// Decoding an event, which is checked besides, against encoding/json.
func BenchmarkEventDecode(b *testing.B) {
	text, err := invalidation.Encode(invalidation.NewEvent("products", "products:123456"))
	if err != nil {
		b.Fatal(err)
	}
	pairs(b, atOnce,
		func() error { _, err := invalidation.Decode(text); return err },
		func() error { var e invalidation.Event; return json.Unmarshal(text, &e) })
}

// Applying a hundred events that have come in one batch, of a key each, against one DEL of a hundred keys.
func BenchmarkEventApply(b *testing.B) {
	r := newRig(b)
	ctx, stop := context.WithCancel(b.Context())
	taken := make(taken)
	done := make(chan error, 1)
	go func() { done <- invalidation.Apply(ctx, taken, r.store, invalidation.Options{}) }()
	handle := <-taken
	events := make([]invalidation.Event, 100)
	keys := make([]string, len(events))
	for i := range events {
		key := invalidation.Key("p", strconv.Itoa(i))
		events[i] = invalidation.NewEvent("p", key)
		keys[i] = key
	}
	pair(b,
		func() error { return handle(ctx, events) },
		func() error { return r.client.Del(ctx, keys...).Err() })
	stop()
	<-done
}

// taken is a subscriber that passes its handler on.
type taken chan invalidation.Handler

func (t taken) Subscribe(ctx context.Context, handle invalidation.Handler) error {
	t <- handle
	<-ctx.Done()
	return nil
}
