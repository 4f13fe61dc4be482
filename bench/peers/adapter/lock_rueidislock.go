package adapter

import (
	"context"

	"github.com/redis/rueidis/rueidislock"
)

// KeyMajority 1: one key, as there is one server; by default it takes two of three. NoLoopTracking, which the README
// recommends from Redis 7.0.5 on.
var rueidislockLock = LockLibrary{
	Name: "rueidislock", Module: "github.com/redis/rueidis",
	New: func(cfg Config) (Locker, error) {
		locks, err := rueidislock.NewLocker(rueidislock.LockerOption{
			ClientOption: cfg.rueidis(), KeyMajority: 1, NoLoopTracking: true,
		})
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
