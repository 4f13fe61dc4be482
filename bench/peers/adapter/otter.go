package adapter

import (
	"context"
	"errors"

	"github.com/maypok86/otter/v2"
)

// The best cache in a process's memory. It takes part as what it is: two processes have two of them, and a write in one
// is not heard of in the other. Within one process a load that an invalidation overtakes is thrown away.
var otterLibrary = Library{
	Name: "otter", Module: "github.com/maypok86/otter/v2", InProcess: true, NoAbsence: true,
	New: func(cfg Config) (Cache, error) {
		c, err := otter.New(&otter.Options[int64, Product]{
			MaximumSize: 200_000, ExpiryCalculator: otter.ExpiryWriting[int64, Product](cfg.TTL), Logger: &otter.NoopLogger{},
		})
		return &otterCache{cfg, c}, err
	},
}

type otterCache struct {
	cfg   Config
	cache *otter.Cache[int64, Product]
}

func (c *otterCache) Get(ctx context.Context, id int64) (Product, error) {
	p, err := c.cache.Get(ctx, id, otter.LoaderFunc[int64, Product](c.load))
	if errors.Is(err, otter.ErrNotFound) {
		return p, ErrAbsent
	}
	return p, err
}

func (c *otterCache) load(ctx context.Context, id int64) (Product, error) {
	p, err := c.cfg.Load(ctx, id)
	if errors.Is(err, ErrAbsent) {
		return p, otter.ErrNotFound
	}
	return p, err
}

func (c *otterCache) GetMany(ctx context.Context, ids []int64) (map[int64]Product, error) {
	return c.cache.BulkGet(ctx, ids, otter.BulkLoaderFunc[int64, Product](c.cfg.LoadMany))
}

func (c *otterCache) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *otterCache) Invalidate(_ context.Context, ids ...int64) error {
	for _, id := range ids {
		c.cache.Invalidate(id)
	}
	return nil
}

func (c *otterCache) Close() error {
	c.cache.StopAllGoroutines()
	return nil
}
