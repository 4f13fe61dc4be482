package redisstore

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/store"
)

var _ store.Clearer = (*Store)(nil)

// scanned is how many keys of a server one SCAN looks at.
const scanned = 1000

// Clear invalidates every key that begins with prefix. It goes through all keys of each server by SCAN, in steps that
// hold up nobody. On a Cluster it does so twice, as slots may move meanwhile: a record whose slot moves during both may
// be left until its TTL is over. On a Ring the records of a shard that is down are left, too: its keys are those of
// other shards meanwhile, for whatever else is done to them. Without any shard it fails.
func (s *Store) Clear(ctx context.Context, prefix string) error {
	if prefix == "" {
		return errors.New("redisstore: Clear: an empty prefix")
	}
	if err := s.Check(); err != nil {
		return err
	}
	passes := 1
	if _, moving := s.hubs.client.(*redis.ClusterClient); moving {
		passes = 2
	}
	for range passes {
		var asked atomic.Int64
		err := servers(ctx, s.hubs.client, func(ctx context.Context, server *redis.Client) error {
			asked.Add(1)
			return s.clear(ctx, server, prefix)
		})
		if err == nil && asked.Load() == 0 {
			err = errors.New("redisstore: Clear: no server is up")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) clear(ctx context.Context, server *redis.Client, prefix string) error {
	match := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(prefix) + "*"
	for cursor := uint64(0); ; {
		keys, next, err := server.Scan(ctx, cursor, match, scanned).Result()
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			if err := s.Lift(ctx, 0, 0, keys...); err != nil {
				return err
			}
		}
		if next == 0 {
			return nil
		}
		cursor = next
	}
}
