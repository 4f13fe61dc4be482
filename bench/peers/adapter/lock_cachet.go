package adapter

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/lock"
)

// Defaults throughout.
var cachetLock = LockLibrary{
	Name: "cachet",
	New: func(cfg Config) (Locker, error) {
		client := cfg.client()
		return &cachetLocker{client, lock.New(client)}, nil
	},
}

type cachetLocker struct {
	client *redis.Client
	locker *lock.Locker
}

func (l *cachetLocker) Lock(ctx context.Context, key string) (func() error, error) {
	k, err := l.locker.Lock(ctx, key)
	if err != nil {
		return nil, err
	}
	return k.Unlock, nil
}

func (l *cachetLocker) Close() error { return errors.Join(l.locker.Close(), l.client.Close()) }
