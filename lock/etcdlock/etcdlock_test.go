package etcdlock_test

import (
	"context"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/cachet-go/cachet/internal/etcdtest"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
	"github.com/cachet-go/cachet/lock/etcdlock"
	"github.com/cachet-go/cachet/lock/locktest"
)

// ttl is the shortest lease that the server of package etcdtest grants, or longer.
const ttl = time.Second

func connect(t *testing.T, addr string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: []string{addr}, DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func open(t *testing.T, addr string, opts ...lock.Option) *lock.Keeper {
	t.Helper()
	l := etcdlock.New(connect(t, addr), append([]lock.Option{lock.TTL(ttl)}, opts...)...)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

func TestLocksByEtcdKeepTheContract(t *testing.T) {
	locktest.Run(t, func(t *testing.T) locktest.Service {
		server := etcdtest.Start(t)
		client := connect(t, server.Addr)
		return locktest.Service{
			TTL:      ttl,
			Takeover: ttl + time.Second, // it looks for leases that have ended twice a second
			Open: func(t *testing.T) (locktest.Locker, func()) {
				proxy := redistest.NewProxy(t, server.Addr)
				return open(t, proxy.Addr), func() { proxy.Blackhole(true) }
			},
			Evict: func(t *testing.T, key string) {
				_, err := client.Delete(t.Context(), dir(key), clientv3.WithPrefix())
				require.NoError(t, err)
			},
			Stop: func(*testing.T) { server.Stop() },
		}
	})
}

func dir(key string) string { return url.PathEscape("lock:"+key) + "/" }

func TestAWaiterKeepsItsPlaceForLongerThanItsLease(t *testing.T) {
	server := etcdtest.Start(t)
	holder, first, second := open(t, server.Addr), open(t, server.Addr), open(t, server.Addr)
	k, err := holder.Lock(t.Context(), "k")
	require.NoError(t, err)
	order := make(chan string, 2)
	wait := func(l *lock.Keeper, name string) {
		assert.NoError(t, l.Do(context.Background(), "k", func(context.Context) error {
			order <- name
			return nil
		}))
	}
	var all sync.WaitGroup
	all.Go(func() { wait(first, "first") })
	time.Sleep(3 * ttl)
	all.Go(func() { wait(second, "second") })
	time.Sleep(ttl / 2)
	require.NoError(t, k.Unlock())
	all.Wait()
	require.Equal(t, "first", <-order)
}
