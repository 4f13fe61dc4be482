package lock_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/lock"
	"github.com/cachet-go/cachet/lock/locktest"
)

func TestLocksByRedisKeepTheContract(t *testing.T) {
	const ttl = 600 * time.Millisecond
	locktest.Run(t, func(t *testing.T) locktest.Service {
		server := redistest.Start(t)
		return locktest.Service{
			TTL: ttl,
			Open: func(t *testing.T) (locktest.Locker, func()) {
				proxy := redistest.NewProxy(t, server.Addr)
				client := redistest.Client(t, proxy.Addr, func(o *redis.Options) { o.ReadTimeout, o.MaxRetries = 500*time.Millisecond, 1 })
				return open(t, client, lock.TTL(ttl)), func() { proxy.Blackhole(true) }
			},
			Evict: func(_ *testing.T, key string) { server.Do("del", "lock:{"+key+"}") },
			Stop:  func(*testing.T) { server.Stop() },
		}
	})
}
