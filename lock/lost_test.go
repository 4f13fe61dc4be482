package lock_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
)

func TestALostReplyToAcquireNeitherBlocksNorLosesTheLock(t *testing.T) {
	server := redistest.Start(t)
	l, proxy := through(t, server, 3)
	proxy.Mute(true)
	c := behind(t.Context(), l, "k")
	exists(t, server, "lock:{k}", 1)
	fence, _ := server.Do("getrange", "lock:{k}", 1, 16).(string)
	proxy.Mute(false)
	start := time.Now()
	proxy.Cut()
	r := got(t, c)
	require.NoError(t, r.err)
	assert.Less(t, time.Since(start), 5*time.Second)
	assert.Equal(t, fence, fmt.Sprint(r.lock.Fence()), "the same lock")
	require.NoError(t, r.lock.Unlock())
}

func TestALostReplyToReleaseIsNoLoss(t *testing.T) {
	server := redistest.Start(t)
	l, proxy := through(t, server, 3)
	k := take(t, l, "k")
	proxy.Mute(true)
	done := make(chan error, 1)
	go func() { done <- k.Unlock() }()
	exists(t, server, "lock:{k}", 0)
	proxy.Mute(false)
	proxy.Cut()
	require.NoError(t, <-done)
}

func TestALostReplyToHandingOverHandsOverOnce(t *testing.T) {
	server := redistest.Start(t)
	l, proxy := through(t, server, 3)
	k := take(t, l, "k")
	c := behind(t.Context(), l, "k")
	time.Sleep(20 * time.Millisecond)
	proxy.Mute(true)
	done := make(chan error, 1)
	go func() { done <- k.Unlock() }()
	require.Eventually(t, func() bool {
		return server.Do("getrange", "lock:{k}", 1, 16) != fmt.Sprint(k.Fence())
	}, patience, time.Millisecond)
	fence, _ := server.Do("getrange", "lock:{k}", 1, 16).(string)
	proxy.Mute(false)
	proxy.Cut()
	require.NoError(t, <-done)
	r := got(t, c)
	require.NoError(t, r.err)
	assert.Equal(t, fence, fmt.Sprint(r.lock.Fence()))
	require.NoError(t, r.lock.Unlock())
}

// spy looks at what is sent.
type spy struct{ see func(args []any) }

func (s spy) DialHook(next redis.DialHook) redis.DialHook { return next }

func (s spy) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		s.see(cmd.Args())
		return next(ctx, cmd)
	}
}

func (s spy) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			s.see(cmd.Args())
		}
		return next(ctx, cmds)
	}
}

// What a client's clock says does not matter, as it is not sent.
func TestNoClientTimeIsEverSent(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t)
	sent := 0
	var mu sync.Mutex
	client.AddHook(spy{func(args []any) {
		mu.Lock()
		defer mu.Unlock()
		sent++
		for _, arg := range args {
			n, ok := arg.(int64)
			assert.False(t, ok && n > 1e6, "%v", args)
		}
	}})
	l := open(t, client, lock.TTL(100*time.Millisecond))
	warm(t, l)
	k := take(t, l, "k", lock.MinHold(200*time.Millisecond))
	time.Sleep(50 * time.Millisecond)
	require.NoError(t, k.Unlock())
	require.NoError(t, l.Wait(t.Context(), "k"))
	assert.Greater(t, sent, 5)
}
