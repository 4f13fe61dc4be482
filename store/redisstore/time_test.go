package redisstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/store"
)

// listener is a hook that hears all commands.
type listener func(redis.Cmder)

func (l listener) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l listener) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		l(cmd)
		return next(ctx, cmd)
	}
}

func (l listener) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			l(cmd)
		}
		return next(ctx, cmds)
	}
}

// Leases, fences and TTLs are spans. What time it is, only the server says: a process whose clock is ahead can neither
// take a lease from somebody else nor store for longer.
func TestNoClientTimeIsEverSent(t *testing.T) {
	client := redistest.Start(t).Client(t)
	spans := make(chan int64, 1000)
	client.AddHook(listener(func(cmd redis.Cmder) {
		for _, arg := range cmd.Args() {
			switch n := arg.(type) {
			case int64:
				spans <- n
			case int:
				spans <- int64(n)
			}
		}
	}))
	st := open(t, client)
	value(t, st, "k", "v")
	require.NoError(t, st.Fence(t.Context(), 7, time.Minute, "k"))
	require.NoError(t, st.Lift(t.Context(), 7, time.Minute, "k"))
	held := lease(t, st, "k")
	require.NoError(t, st.Renew(t.Context(), held))
	require.True(t, offer(t, st, held, "v"))
	held = ask(t, st, store.Ask{Key: "k", Mode: store.Refresh, Hold: time.Minute})
	require.NoError(t, st.Release(t.Context(), true, held))
	require.NoError(t, st.Invalidate(t.Context(), "k"))
	close(spans)
	n := 0
	for span := range spans {
		n++
		assert.LessOrEqual(t, span, time.Minute.Microseconds())
	}
	assert.Greater(t, n, 10)
}
