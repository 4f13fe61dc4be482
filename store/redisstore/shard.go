package redisstore

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// shard returns the client of the one server that has key, and whose connections are those of client. The slot of a
// key may move at any time: the server then says MOVED or ASK.
func shard(ctx context.Context, client redis.UniversalClient, key string) (*redis.Client, error) {
	switch c := client.(type) {
	case *redis.Client:
		return c, nil
	case *redis.ClusterClient:
		return c.MasterForKey(ctx, key)
	case *redis.Ring:
		return c.GetShardClientForKey(key)
	}
	return nil, fmt.Errorf("redisstore: which server has a key cannot be told by a %T", client)
}

// servers calls f for each server that records are written to, and on a Ring for those that are up.
func servers(
	ctx context.Context, client redis.UniversalClient, f func(context.Context, *redis.Client) error,
) error {
	switch c := client.(type) {
	case *redis.Client:
		return f(ctx, c)
	case *redis.ClusterClient:
		return c.ForEachMaster(ctx, f)
	case *redis.Ring:
		return c.ForEachShard(ctx, f)
	}
	return fmt.Errorf("redisstore: which servers there are cannot be told by a %T", client)
}

// redirect returns where the reply of a server sends its client, and whether only for this once.
func redirect(err error) (addr string, asking bool) {
	if err == nil {
		return "", false
	}
	if addr, moved := redis.IsMovedError(err); moved {
		return addr, false
	}
	addr, _ = redis.IsAskError(err)
	return addr, true
}
