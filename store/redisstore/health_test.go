package redisstore_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// gone reads until the store no longer asks its server.
func gone(t *testing.T, st *redisstore.Store, timeout time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), timeout)
		defer cancel()
		_, err := st.Get(ctx, "k")
		require.Error(t, err)
		_, err = st.Get(t.Context(), "k")
		return err == redisstore.ErrUnavailable
	}, 20*time.Second, time.Millisecond)
}

func TestAServerThatStandsStillIsNotAskedUntilItAnswersAPing(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	value(t, st, "k", "v")
	server.Pause()
	gone(t, st, time.Second)
	server.Resume()
	require.Eventually(t, func() bool {
		rec, err := st.Get(t.Context(), "k")
		return err == nil && string(rec.Payload) == "v"
	}, 20*time.Second, time.Millisecond)
}

// Nobody waits long enough to see the server's own time-out.
func TestAServerThatStandsStillIsFoundOutByCallersInAHurry(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	value(t, st, "k", "v")
	server.Pause()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, err := st.Get(ctx, "k")
		return err == redisstore.ErrUnavailable
	}, 20*time.Second, time.Millisecond)
	server.Resume()
}

// The deadlines of callers in a hurry are no outage: the server answers those who wait.
func TestCallersInAHurryAreNoOutage(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	value(t, st, "k", "v")
	for range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Microsecond)
		_, _ = st.Get(ctx, "k") // in time or not
		cancel()
		rec, err := st.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v", string(rec.Payload))
	}
}

func TestAClosedStoreGoesOnAsking(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	value(t, st, "k", "v")
	server.Pause()
	gone(t, st, time.Second)
	require.NoError(t, st.Close())
	server.Resume()
	require.Eventually(t, func() bool {
		_, err := st.Get(t.Context(), "k")
		return err == nil
	}, 20*time.Second, time.Millisecond)
}

// The breaker may open at the very moment at which the store is closed.
func TestAStoreThatIsClosedAsItsServerFailsGoesOnAsking(t *testing.T) {
	for range 50 {
		client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
		st := redisstore.New(client, redisstore.Options{})
		var asking sync.WaitGroup
		for range 4 {
			asking.Go(func() {
				for range 50 {
					_, err := st.Get(t.Context(), "k")
					require.Error(t, err)
				}
			})
		}
		time.Sleep(rand.N(time.Millisecond))
		require.NoError(t, st.Close())
		_, err := st.Get(t.Context(), "k")
		require.NotErrorIs(t, err, redisstore.ErrUnavailable)
		asking.Wait()
		require.NoError(t, client.Close())
	}
}
