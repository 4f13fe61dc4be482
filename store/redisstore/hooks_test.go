package redisstore_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
)

// witness is a hook that counts commands by their names.
type witness struct {
	mu   sync.Mutex
	seen map[string]int // guarded by mu
}

func (w *witness) DialHook(next redis.DialHook) redis.DialHook { return next }

func (w *witness) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		w.see(cmd)
		return next(ctx, cmd)
	}
}

func (w *witness) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		w.see(cmds...)
		return next(ctx, cmds)
	}
}

func (w *witness) see(cmds ...redis.Cmder) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, cmd := range cmds {
		if name := cmd.Name(); name != "hello" && name != "client" { // of a new connection
			w.seen[name]++
		}
	}
}

// during returns what was seen while f ran.
func (w *witness) during(f func()) map[string]int {
	w.mu.Lock()
	w.seen = make(map[string]int)
	w.mu.Unlock()
	f()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen
}

func TestHooksOfTheClientSeeEachCommandOnce(t *testing.T) {
	client := redistest.Start(t).Client(t)
	w := &witness{seen: make(map[string]int)}
	client.AddHook(w)
	st := open(t, client)
	other := open(t, client)
	value(t, other, "other", "v") // the scripts are known now

	require.Equal(t, map[string]int{"get": 1, "evalsha": 2, "mget": 1, "del": 1}, w.during(func() {
		value(t, st, "k", "v")
		require.Equal(t, "v", string(get(t, st, "k").Payload))
		_, err := st.GetMany(t.Context(), []string{"k", "other"})
		require.NoError(t, err)
		require.NoError(t, st.Invalidate(t.Context(), "k", "other"))
	}))
	require.Equal(t, map[string]int{"ping": 1}, w.during(func() {
		require.NoError(t, client.Ping(t.Context()).Err())
	}), "the user's own")

	keys := named(t, st, 10)
	seen := w.during(func() { crowded(t, st, keys, 20) })
	require.Positive(t, seen["mget"])
	require.Less(t, seen["mget"]+seen["get"], 200*20)
}

func TestHooksOfAClusterClientSeeEachCommandOnce(t *testing.T) {
	client := redistest.StartCluster(t, 3).Client(t)
	w := &witness{seen: make(map[string]int)}
	client.AddHook(w)
	st := open(t, client)
	keys := named(t, st, 20)
	require.Equal(t, map[string]int{"get": 1 + len(keys), "del": len(keys)}, w.during(func() {
		require.Equal(t, keys[0], string(get(t, st, keys[0]).Payload))
		_, err := st.GetMany(t.Context(), keys)
		require.NoError(t, err)
		require.NoError(t, st.Invalidate(t.Context(), keys...))
	}))
}

func TestHooksSeeInvalidationsThatWaitForReplicas(t *testing.T) {
	server := redistest.Start(t)
	server.Replica(t)
	client := server.Client(t)
	w := &witness{seen: make(map[string]int)}
	client.AddHook(w)
	st := replicated(t, client, 1, time.Second)
	require.Equal(t, map[string]int{"del": 2, "wait": 1}, w.during(func() {
		require.NoError(t, st.Invalidate(t.Context(), "k", "l"))
	}))
}

// spy is a hook that keeps what passes elsewhere.
type spy struct {
	other redis.UniversalClient
	t     *testing.T
}

func (s spy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s spy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		require.NoError(s.t, s.other.Incr(ctx, "count").Err())
		return next(ctx, cmd)
	}
}

func (s spy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		pipe := s.other.Pipeline()
		pipe.Incr(ctx, "count")
		_, err := pipe.Exec(ctx)
		require.NoError(s.t, err)
		return next(ctx, cmds)
	}
}

// A hook may use the context that it is given for a client of another server, which may have a store, too.
func TestAHookThatAsksAnotherServerReachesThatOne(t *testing.T) {
	here, there := redistest.Start(t).Client(t), redistest.Start(t).Client(t)
	other := open(t, there)
	here.AddHook(spy{other: there, t: t})
	st := open(t, here)
	value(t, st, "k", "v")
	_, err := st.Get(t.Context(), "k")
	require.NoError(t, err)
	require.NoError(t, st.Invalidate(t.Context(), "k", "l"))
	require.Zero(t, here.Exists(t.Context(), "count").Val())
	n, err := there.Get(t.Context(), "count").Int()
	require.NoError(t, err)
	require.GreaterOrEqual(t, n, 4)
	_, err = other.Get(t.Context(), "k")
	require.NoError(t, err)
}
