package adapter

import (
	"context"

	"github.com/redis/rueidis"
)

// GET and SET by rueidis without client-side caching: the fastest way to Redis there is, as it pipelines by itself.
var rueidisLibrary = Library{
	Name: "plain rueidis", Module: "github.com/redis/rueidis", Reference: true, OnlyHits: true, NoBatch: true,
	New: func(cfg Config) (Cache, error) {
		opts := cfg.rueidis()
		opts.DisableCache = true
		client, err := rueidis.NewClient(opts)
		return &rueidisCache{cfg, client}, err
	},
}

type rueidisCache struct {
	cfg    Config
	client rueidis.Client
}

func (c *rueidisCache) Get(ctx context.Context, id int64) (Product, error) {
	s, err := c.client.Do(ctx, c.client.B().Get().Key(name(id)).Build()).ToString()
	if err == nil {
		return decode(s)
	}
	if !rueidis.IsRedisNil(err) {
		return Product{}, err
	}
	p, err := c.cfg.Load(ctx, id)
	if err != nil {
		return p, err
	}
	if s, err = encode(p); err != nil {
		return p, err
	}
	return p, c.client.Do(ctx, c.client.B().Set().Key(name(id)).Value(s).Px(c.cfg.TTL).Build()).Error()
}

func (c *rueidisCache) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *rueidisCache) Invalidate(ctx context.Context, ids ...int64) error {
	return c.client.Do(ctx, c.client.B().Del().Key(names(ids)...).Build()).Error()
}

func (c *rueidisCache) Close() error {
	c.client.Close()
	return nil
}
