package integration_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/outbox"
)

// recorder is a Publisher that keeps what it takes.
type recorder struct {
	// refuse is asked first, if it is not nil.
	refuse func(ctx context.Context, events []invalidation.Event) error

	mu    sync.Mutex
	taken []string // the first keys
}

func (r *recorder) Publish(ctx context.Context, events ...invalidation.Event) error {
	if r.refuse != nil {
		if err := r.refuse(ctx, events); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		r.taken = append(r.taken, e.Keys[0])
	}
	return nil
}

func (r *recorder) keys() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.taken)
}

// refuse returns a refusal of batches that have an event about key.
func refuse(key string, err error) func(context.Context, []invalidation.Event) error {
	return func(_ context.Context, events []invalidation.Event) error {
		if slices.ContainsFunc(events, func(e invalidation.Event) bool { return e.Keys[0] == key }) {
			return err
		}
		return nil
	}
}

var errDown = errors.New("the queue is down")

// relay runs a relay until the test ends or stop is called, which returns once it has ended.
func (d *database) relay(t *testing.T, b *outbox.Box, p invalidation.Publisher) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	db := d.open(t)
	go func() { ended <- b.Relay(ctx, db, p) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
	})
	t.Cleanup(stop)
	return stop
}

func eventually(t *testing.T, so func() bool, what string) {
	t.Helper()
	require.Eventually(t, so, time.Minute, 5*time.Millisecond, what)
}

// published waits until exactly keys have been taken, and the table is empty.
func (d *database) published(t *testing.T, r *recorder, keys ...string) {
	t.Helper()
	eventually(t, func() bool { return len(r.keys()) >= len(keys) && d.depth(t).Events == 0 }, "the table is drained")
	require.Equal(t, keys, r.keys())
}
