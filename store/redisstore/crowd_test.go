package redisstore_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store/redisstore"
)

// crowded has many callers at once look keys up, each times over, whose payloads are their names.
func crowded(t *testing.T, st *redisstore.Store, keys []string, times int) {
	t.Helper()
	const callers = 200
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for range times {
				key := keys[rand.N(len(keys))]
				rec, err := st.Get(t.Context(), key)
				if !assert.NoError(t, err) || !assert.Equal(t, key, string(rec.Payload)) {
					return
				}
			}
		})
	}
	all.Wait()
}

// named stores keys, each with its name for a payload.
func named(t *testing.T, st *redisstore.Store, n int) []string {
	t.Helper()
	keys := names(n)
	for _, key := range keys {
		value(t, st, key, key)
	}
	return keys
}

func TestManyCallersAtOnceShareTheirLookupsAndAFewDoNot(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	var sent redistest.Sent
	client.AddHook(&sent)
	st := open(t, client)
	keys := named(t, st, 100)
	commands, _ := sent.During(func() {
		for _, key := range keys {
			require.Equal(t, key, string(get(t, st, key).Payload))
		}
	})
	require.EqualValues(t, len(keys), commands, "a lone caller")
	commands, _ = sent.During(func() { crowded(t, st, keys, 100) })
	require.Less(t, commands, int64(200*100/4))
}

// A caller that shares a write still leaves when its own time is over, and takes nobody with it.
func TestOneOfManyCallersLeavesAlone(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	keys := named(t, st, 10)
	done := make(chan struct{})
	var hasty sync.WaitGroup
	for range 100 {
		hasty.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					ctx, cancel := context.WithTimeout(t.Context(), rand.N(500*time.Microsecond))
					rec, err := st.Get(ctx, keys[0])
					if err == nil {
						assert.Equal(t, keys[0], string(rec.Payload))
					}
					cancel()
				}
			}
		})
	}
	crowded(t, st, keys, 50)
	close(done)
	hasty.Wait()
}

func TestManyCallersSurviveThatTheirConnectionIsClosed(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	keys := named(t, st, 10)
	for range 5 {
		crowded(t, st, keys, 20)
		server.Do("client", "kill", "type", "normal")
	}
	crowded(t, st, keys, 20)
}

func TestAServerThatStandsStillIsFoundOutByManyCallers(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	keys := named(t, st, 10)
	server.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			for {
				_, err := st.Get(ctx, keys[0])
				if err == redisstore.ErrUnavailable || !assert.NoError(t, ctx.Err()) {
					return
				}
			}
		})
	}
	all.Wait()
	server.Resume()
	require.Eventually(t, func() bool {
		_, err := st.Get(t.Context(), keys[0])
		return err == nil
	}, 20*time.Second, time.Millisecond)
	crowded(t, st, keys, 20)
}

func TestManyCallersOfAStoreThatIsClosedGoOn(t *testing.T) {
	server := redistest.Start(t)
	st := open(t, server.Client(t))
	keys := named(t, st, 10)
	var closing sync.WaitGroup
	closing.Go(func() { time.Sleep(5 * time.Millisecond); assert.NoError(t, st.Close()) })
	crowded(t, st, keys, 100)
	closing.Wait()
	crowded(t, st, keys, 10)
}
