package adapter

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

var rawRelease = redis.NewScript(
	`if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`)

// RawLock is SET NX PX, and a script that releases: the reference of locks. It does not wait.
type RawLock struct {
	client *redis.Client
	count  atomic.Int64
}

// NewRawLock returns one on a client of its own.
func NewRawLock(cfg Config) *RawLock { return &RawLock{client: cfg.client()} }

// Cycle takes a lock and lets it go. It is an error if somebody has it.
func (l *RawLock) Cycle(ctx context.Context) error {
	owner := fmt.Sprint("owner-", l.count.Add(1))
	ok, err := l.client.SetNX(ctx, "raw", owner, 10*time.Second).Result()
	if err != nil || !ok {
		return fmt.Errorf("raw lock: taken %v: %w", ok, err)
	}
	return rawRelease.Run(ctx, l.client, []string{"raw"}, owner).Err()
}

// Close closes the client.
func (l *RawLock) Close() error { return l.client.Close() }
