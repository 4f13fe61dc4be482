package redistest_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
)

const patience = 10 * time.Second

func impatient(o *redis.Options) {
	o.ReadTimeout, o.MaxRetries = 50*time.Millisecond, -1
}

func TestAServerCanBeStoppedAndStartedAgain(t *testing.T) {
	server := redistest.Start(t, "--maxmemory", "100mb")
	client := server.Client(t, func(o *redis.Options) { o.MaxRetries = -1 })
	assert.Equal(t, []any{"maxmemory", "104857600"}, server.Do("config", "get", "maxmemory"))
	require.NoError(t, client.Set(t.Context(), "k", "v", 0).Err())
	server.Stop()
	require.Error(t, client.Ping(t.Context()).Err())
	server.Restart()
	assert.Nil(t, server.Do("get", "k"))
	server.Kill()
	server.Kill()
}

func TestAPausedServerDoesNotAnswer(t *testing.T) {
	server := redistest.Start(t)
	client := server.Client(t, impatient)
	require.NoError(t, client.Ping(t.Context()).Err())
	server.Pause()
	require.Error(t, client.Ping(t.Context()).Err())
	server.Resume()
	assert.Eventually(t, func() bool { return client.Ping(t.Context()).Err() == nil }, patience, time.Millisecond)
}

func TestWhatAProxyHoldsArrivesThoughTheClientHasGone(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr)
	client := redistest.Client(t, proxy.Addr, impatient)
	require.NoError(t, client.Ping(t.Context()).Err())
	proxy.Hold()
	require.Error(t, client.Set(t.Context(), "k", "v", 0).Err())
	require.NoError(t, client.Ping(t.Context()).Err(), "by another connection")
	require.NoError(t, client.Close())
	assert.Nil(t, server.Do("get", "k"))
	proxy.Release()
	require.Eventually(t, func() bool { return proxy.Lines() == 0 }, patience, time.Millisecond)
	assert.Equal(t, "v", server.Do("get", "k"))
}

func TestAProxyCanHoldTheNextConnection(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr)
	proxy.Hold()
	client := redistest.Client(t, proxy.Addr, impatient)
	require.Error(t, client.Ping(t.Context()).Err())
	require.NoError(t, client.Ping(t.Context()).Err())
}

func TestAProxyLosesWhatItIsToldToLose(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr)
	client := redistest.Client(t, proxy.Addr, impatient)
	require.NoError(t, client.Ping(t.Context()).Err())
	proxy.Mute(true)
	require.Error(t, client.Set(t.Context(), "muted", "v", 0).Err())
	proxy.Mute(false)
	assert.Eventually(t, func() bool { return server.Do("get", "muted") == "v" }, patience, time.Millisecond)
	require.NoError(t, client.Ping(t.Context()).Err())
	proxy.Blackhole(true)
	require.Error(t, client.Set(t.Context(), "lost", "v", 0).Err())
	proxy.Blackhole(false)
	proxy.Cut()
	assert.Eventually(t, func() bool { return client.Ping(t.Context()).Err() == nil }, patience, time.Millisecond)
	assert.Nil(t, server.Do("get", "lost"))
}
