package redisqueue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/doubledelete/redisqueue"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

// elsewhen runs f where the clock shows another year: in a bubble it begins at 2000, and leaps ahead whenever all who
// could act sleep.
func elsewhen(t *testing.T, ahead time.Duration, f func(t *testing.T)) {
	t.Helper()
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(ahead)
		off := time.Since(now).Abs()
		require.Greater(t, off, 20*365*24*time.Hour)
		f(t)
	})
}

// clocks are how far a process may be off.
var clocks = map[string]time.Duration{
	"26 years behind": 0,
	"24 years ahead":  50 * 365 * 24 * time.Hour,
}

const delay = 700 * time.Millisecond

func TestADelayIsHonouredThatAProcessWithAWrongClockAskedFor(t *testing.T) {
	t.Parallel()
	for name, ahead := range clocks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Start(t)
			g := newTarget()
			open(t, srv.Client(t), g, redisqueue.Options{})
			begin := time.Now()
			elsewhen(t, ahead, func(t *testing.T) {
				client := redis.NewClient(&redis.Options{Addr: srv.Addr})
				q := redisqueue.New(client, g, redisqueue.Options{})
				require.NoError(t, q.Close(context.Background())) // it only asks
				require.NoError(t, q.Schedule(context.Background(), delay, "k"))
				require.NoError(t, client.Close())
			})
			onTime(t, begin, g.await(t, "k", 1)[0], delay)
		})
	}
}

func TestADelayIsHonouredByAProcessWithAWrongClock(t *testing.T) {
	t.Parallel()
	for name, ahead := range clocks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Start(t)
			g := newTarget()
			q := open(t, srv.Client(t), g, redisqueue.Options{})
			require.NoError(t, q.Close(t.Context())) // it only asks
			begin := time.Now()
			require.NoError(t, q.Schedule(t.Context(), delay, "k"))
			elsewhen(t, ahead, func(t *testing.T) {
				client := redis.NewClient(&redis.Options{Addr: srv.Addr})
				made := make(chan struct{})
				q := redisqueue.New(client, deleted(func() { close(made) }), redisqueue.Options{})
				<-made
				require.NoError(t, q.Close(context.Background()))
				require.NoError(t, client.Close())
			})
			onTime(t, begin, time.Now(), delay)
		})
	}
}

type deleted func()

func (d deleted) Invalidate(context.Context, ...string) error { d(); return nil }

func (deleted) Fence(context.Context, uint64, time.Duration, ...string) error { panic("fence") }

func (deleted) Lift(context.Context, uint64, time.Duration, ...string) error { panic("lift") }

var _ store.Invalidator = deleted(nil)
