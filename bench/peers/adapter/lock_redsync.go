package adapter

import (
	"context"
	"errors"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

// One server, not a majority of several, which is the same guarantee as that of the others. It waits by trying again:
// by default 32 times, after 50 to 250 ms each. 5 ms and no end of tries make it as fast as it gets.
var redsyncLock = LockLibrary{
	Name: "redsync", Module: "github.com/go-redsync/redsync/v4",
	New: func(cfg Config) (Locker, error) {
		client := cfg.client()
		return &redsyncLocker{client, redsync.New(goredis.NewPool(client))}, nil
	},
}

type redsyncLocker struct {
	client *redis.Client
	locks  *redsync.Redsync
}

func (l *redsyncLocker) Lock(ctx context.Context, key string) (func() error, error) {
	m := l.locks.NewMutex(key, redsync.WithExpiry(10*time.Second), redsync.WithTries(1<<30),
		redsync.WithRetryDelay(5*time.Millisecond))
	if err := m.LockContext(ctx); err != nil {
		return nil, err
	}
	return func() error {
		ok, err := m.UnlockContext(ctx)
		if err == nil && !ok {
			err = errors.New("it was not held")
		}
		return err
	}, nil
}

func (l *redsyncLocker) Close() error { return l.client.Close() }
