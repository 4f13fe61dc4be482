package zklock_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/zktest"
	"github.com/cachet-go/cachet/lock"
	"github.com/cachet-go/cachet/lock/locktest"
	"github.com/cachet-go/cachet/lock/zklock"
)

const session = 12 * zktest.Tick

type silence struct{}

func (silence) Printf(string, ...any) {}

func connect(t *testing.T, addrs ...string) *zk.Conn {
	t.Helper()
	conn, events, err := zk.Connect(addrs, session, zk.WithLogger(silence{}))
	require.NoError(t, err)
	t.Cleanup(conn.Close)
	for e := range events { // what is asked before is refused: no server
		if e.State == zk.StateHasSession {
			break
		}
	}
	return conn
}

func open(t *testing.T, addrs ...string) *lock.Keeper {
	t.Helper()
	l := zklock.New(connect(t, addrs...), session)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// first returns the node that is the lock of key.
func first(t *testing.T, conn *zk.Conn, key string) string {
	t.Helper()
	dir := "/" + url.PathEscape("lock:"+key)
	children, _, err := conn.Children(dir)
	require.NoError(t, err)
	require.NotEmpty(t, children)
	return dir + "/" + slices.MinFunc(children, func(a, b string) int { return strings.Compare(a[len(a)-10:], b[len(b)-10:]) })
}

func TestLocksByZooKeeperKeepTheContract(t *testing.T) {
	locktest.Run(t, func(t *testing.T) locktest.Service {
		server := zktest.Start(t)
		client := connect(t, server.Addr)
		return locktest.Service{
			TTL:      session,
			Takeover: session + 2*zktest.Tick,
			Open: func(t *testing.T) (locktest.Locker, func()) {
				proxy := redistest.NewProxy(t, server.Addr)
				return open(t, proxy.Addr), func() { proxy.Blackhole(true) }
			},
			Evict: func(t *testing.T, key string) { require.NoError(t, client.Delete(first(t, client, key), -1)) },
			Stop:  func(*testing.T) { server.Stop() },
		}
	})
}

func TestATTLLongerThanTheSessionIsRefused(t *testing.T) {
	_, err := zklock.New(nil, session, lock.TTL(2*session)).TryLock(t.Context(), "k")
	require.ErrorContains(t, err, "longer than the session")
}

// A node whose making was not answered must not stay for as long as the session.
func TestALostReplyLeavesNoNodeBehind(t *testing.T) {
	server := zktest.Start(t)
	client := connect(t, server.Addr)
	// The client waits for a second before it connects to the same address again.
	proxies := []*redistest.Proxy{redistest.NewProxy(t, server.Addr), redistest.NewProxy(t, server.Addr)}
	l := open(t, proxies[0].Addr, proxies[1].Addr)
	k, err := l.Lock(t.Context(), "k")
	require.NoError(t, err)
	require.NoError(t, k.Unlock())

	for _, p := range proxies {
		p.Mute(true)
	}
	done := make(chan error, 1)
	go func() {
		k, err := l.Lock(t.Context(), "k")
		if err == nil {
			err = k.Unlock()
		}
		done <- err
	}()
	children := func() int {
		names, _, err := client.Children("/" + url.PathEscape("lock:k"))
		require.NoError(t, err)
		return len(names)
	}
	require.Eventually(t, func() bool { return children() == 1 }, 20*time.Second, time.Millisecond)
	for _, p := range proxies {
		p.Mute(false)
		p.Cut()
	}
	require.Error(t, <-done)
	require.Eventually(t, func() bool { return children() == 0 }, 10*session, 5*time.Millisecond, "though the session lives")
}
