package adapter

import (
	"context"
	"time"

	"github.com/go-redis/cache/v9"
	"github.com/redis/go-redis/v9"
)

// Once, which merges the callers of a process, and no LocalCache: nothing tells other processes to drop what they have
// there. Absence cannot be stored: an Item without a value is none.
var goRedisCacheLibrary = Library{
	Name: "go-redis/cache", Module: "github.com/go-redis/cache/v9", NoBatch: true, NoAbsence: true,
	New: func(cfg Config) (Cache, error) {
		c := &goRedisCache{cfg: cfg, client: cfg.client()}
		c.cache = cache.New(&cache.Options{Redis: c.client})
		return c, nil
	},
}

type goRedisCache struct {
	cfg    Config
	client *redis.Client
	cache  *cache.Cache
}

func (c *goRedisCache) Get(ctx context.Context, id int64) (Product, error) {
	var p Product
	err := c.cache.Once(&cache.Item{
		Ctx: ctx, Key: name(id), Value: &p, TTL: max(c.cfg.TTL, time.Second),
		Do: func(item *cache.Item) (any, error) { return c.cfg.Load(item.Context(), id) },
	})
	return p, err
}

func (c *goRedisCache) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *goRedisCache) Invalidate(ctx context.Context, ids ...int64) error {
	for _, id := range ids {
		if err := c.cache.Delete(ctx, name(id)); err != nil {
			return err
		}
	}
	return nil
}

func (c *goRedisCache) Close() error { return c.client.Close() }
