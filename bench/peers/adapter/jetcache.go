package adapter

import (
	"context"
	"errors"

	cache "github.com/mgtv-tech/jetcache-go"
	"github.com/mgtv-tech/jetcache-go/remote"
	"github.com/redis/go-redis/v9"
)

// Remote only. With a local cache as well, which the README shows first, other processes drop their copies when an
// event reaches them that the user has to transport, so that reads after a write are stale by design; without it there
// is one copy. WithErrNotFound remembers absence. No WithRefreshDuration: it reloads in the background what may be
// written meanwhile.
var jetcacheLibrary = Library{
	Name: "jetcache-go", Module: "github.com/mgtv-tech/jetcache-go",
	New: func(cfg Config) (Cache, error) {
		c := &jetCache{cfg: cfg, client: cfg.client()}
		c.cache = cache.NewT[int64, Product](cache.New(
			cache.WithName("p"), cache.WithRemote(remote.NewGoRedisV9Adapter(c.client)), cache.WithErrNotFound(ErrAbsent),
			cache.WithRemoteExpiry(cfg.TTL), cache.WithStatsDisabled(true)))
		return c, nil
	},
}

type jetCache struct {
	cfg    Config
	client *redis.Client
	cache  *cache.T[int64, Product]
}

func (c *jetCache) Get(ctx context.Context, id int64) (Product, error) {
	return c.cache.Get(ctx, "p", id, c.cfg.Load)
}

func (c *jetCache) GetMany(ctx context.Context, ids []int64) (map[int64]Product, error) {
	return c.cache.MGetWithErr(ctx, "p", ids, c.cfg.LoadMany)
}

func (c *jetCache) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *jetCache) Invalidate(ctx context.Context, ids ...int64) error {
	for _, id := range ids {
		if err := c.cache.Delete(ctx, "p", id); err != nil {
			return err
		}
	}
	return nil
}

func (c *jetCache) Close() error {
	c.cache.Close()
	return errors.Join(c.client.Close())
}
