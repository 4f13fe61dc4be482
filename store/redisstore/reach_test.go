package redisstore_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

var errNobody = errors.New("nobody listens")

// road is the way to a server, which can be closed.
type road struct {
	server *redistest.Server
	closed atomic.Bool
}

func (r *road) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if r.closed.Load() {
		return nil, errNobody
	}
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// close ends the connections, and returns when st has noticed.
func (r *road) close(t *testing.T, st *redisstore.Store) {
	t.Helper()
	r.closed.Store(true)
	r.server.Do("client", "kill", "type", "normal")
	gone(t, st, time.Second)
}

func travel(t *testing.T) (*road, *redisstore.Store) {
	t.Helper()
	r := &road{server: redistest.Start(t)}
	return r, open(t, r.server.Client(t, func(o *redis.Options) { o.Dialer = r.dial }))
}

func TestAnInvalidationSitsAShortAbsenceOfTheServerOut(t *testing.T) {
	r, st := travel(t)
	value(t, st, "k", "v")
	r.close(t, st)
	invalidated := make(chan error)
	go func() { invalidated <- st.Invalidate(t.Context(), "k") }()
	select {
	case err := <-invalidated:
		t.Fatalf("Invalidate: got %v at once, want it to wait", err)
	case <-time.After(20 * time.Millisecond):
	}
	r.closed.Store(false)
	require.NoError(t, <-invalidated)
	require.Eventually(t, func() bool {
		rec, err := st.Get(t.Context(), "k")
		return err == nil && rec.Kind == 0
	}, 20*time.Second, time.Millisecond)
}

func TestAnInvalidationFailsAtOnceWhileNobodyListens(t *testing.T) {
	r, st := travel(t)
	value(t, st, "k", "v")
	r.close(t, st)
	require.Eventually(t, func() bool { // as long as an absence is a short one
		return assert.ErrorIs(t, st.Invalidate(t.Context(), "k"), redisstore.ErrUnavailable)
	}, 20*time.Second, time.Millisecond)
	soon, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond) // the client alone would take longer
	defer cancel()
	for range 1000 {
		err := st.Invalidate(soon, "k")
		require.ErrorIs(t, err, redisstore.ErrUnavailable)
		require.ErrorIs(t, err, errNobody)
	}
	r.closed.Store(false)
	require.Eventually(t, func() bool { return st.Invalidate(t.Context(), "k") == nil }, 20*time.Second, time.Millisecond)
}

// A server that is reached and does not answer may have work to do: an invalidation is not given up for that.
func TestAnInvalidationWaitsForAServerThatStandsStill(t *testing.T) {
	r, st := travel(t)
	value(t, st, "k", "v")
	r.server.Pause()
	gone(t, st, time.Second)
	invalidated := make(chan error)
	go func() { invalidated <- st.Invalidate(t.Context(), "k") }()
	select {
	case err := <-invalidated:
		t.Fatalf("Invalidate: got %v at once, want it to wait", err)
	case <-time.After(100 * time.Millisecond):
	}
	r.server.Resume()
	require.NoError(t, <-invalidated)
}
