package adapter

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store/redisstore"
)

// Defaults throughout.
var cachetLibrary = Library{
	Name: "cachet",
	New: func(cfg Config) (Cache, error) {
		c := &cachetCache{client: cfg.client()}
		c.store = redisstore.New(c.client, redisstore.Options{})
		var err error
		c.Cache, err = cachet.New(c.store, cachet.Config[int64, Product]{
			Name: "p", Load: cfg.Load, LoadMany: cfg.LoadMany, TTL: cfg.TTL,
			NotFound: func(err error) bool { return errors.Is(err, ErrAbsent) },
			Hooks:    cachet.Hooks{Error: func(context.Context, error) {}},
		})
		return c, err
	},
}

type cachetCache struct {
	*cachet.Cache[int64, Product]

	client *redis.Client
	store  *redisstore.Store
}

func (c *cachetCache) Get(ctx context.Context, id int64) (Product, error) {
	p, err := c.Cache.Get(ctx, id)
	if errors.Is(err, cachet.ErrNotFound) {
		return p, ErrAbsent
	}
	return p, err
}

func (c *cachetCache) GetMany(ctx context.Context, ids []int64) (map[int64]Product, error) {
	return c.Cache.GetMany(ctx, ids)
}

func (c *cachetCache) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return c.Cache.Update(ctx, id, write)
}

func (c *cachetCache) Invalidate(ctx context.Context, ids ...int64) error {
	return c.Cache.Invalidate(ctx, ids...)
}

func (c *cachetCache) Close() error {
	return errors.Join(c.Cache.Close(), c.store.Close(), c.client.Close())
}
