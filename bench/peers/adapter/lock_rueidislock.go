package adapter

import (
	"context"
	"time"

	"github.com/redis/rueidis/rueidislock"
)

// KeyMajority 1 and NoLoopTracking, which the README recommends for one server from Redis 7.0.5 on. TryNextAfter bounds
// an attempt; with its 20 ms a busy machine makes attempts fail, and waiters are not woken after that.
var rueidislockLock = LockLibrary{
	Name: "rueidislock", Module: "github.com/redis/rueidis",
	New: func(cfg Config) (Locker, error) {
		locks, err := rueidislock.NewLocker(rueidislock.LockerOption{
			ClientOption: cfg.rueidis(), KeyMajority: 1, NoLoopTracking: true, TryNextAfter: time.Second,
		})
		return &rueidisLocker{locks}, err
	},
}

// As it comes: three keys, of which two are to be had, and client-side caching with tracking of them. An attempt is
// given up after 20 ms.
var rueidislockDefaults = LockLibrary{
	Name: "rueidislock, defaults", Module: "github.com/redis/rueidis",
	New: func(cfg Config) (Locker, error) {
		locks, err := rueidislock.NewLocker(rueidislock.LockerOption{ClientOption: cfg.rueidis()})
		return &rueidisLocker{locks}, err
	},
}

type rueidisLocker struct{ locks rueidislock.Locker }

func (l *rueidisLocker) Lock(ctx context.Context, key string) (func() error, error) {
	_, cancel, err := l.locks.WithContext(ctx, key)
	if err != nil {
		return nil, err
	}
	return func() error {
		cancel()
		return nil
	}, nil
}

func (l *rueidisLocker) Close() error {
	l.locks.Close()
	return nil
}
