package adapter

import (
	"context"
	"errors"
	"time"

	"github.com/eko/gocache/lib/v4/cache"
	"github.com/eko/gocache/lib/v4/store"
	redisstore "github.com/eko/gocache/store/redis/v4"
	"github.com/redis/go-redis/v9"
)

// A loadable cache over the Redis store, as the README has it, without a chain: a memory store in front would not hear
// of writes elsewhere. It stores behind its caller's back and has no way to remember absence.
var gocacheLibrary = Library{
	Name: "eko/gocache", Module: "github.com/eko/gocache/lib/v4", NoBatch: true, NoAbsence: true,
	New: func(cfg Config) (Cache, error) {
		c := &goCache{client: cfg.client()}
		ttl := store.WithExpiration(cfg.TTL)
		c.cache = cache.NewLoadable(func(ctx context.Context, key any) (string, []store.Option, error) {
			id, ok := key.(productKey)
			if !ok {
				return "", nil, errors.New("not a key")
			}
			p, err := cfg.Load(ctx, int64(id))
			if err != nil {
				return "", nil, err
			}
			s, err := encode(p)
			return s, []store.Option{ttl}, err
		}, cache.New[string](redisstore.NewRedis(c.client, ttl)))
		return c, nil
	},
}

// productKey tells the library its key in Redis.
type productKey int64

// GetCacheKey returns it.
func (k productKey) GetCacheKey() string { return name(int64(k)) }

type goCache struct {
	client *redis.Client
	cache  *cache.LoadableCache[string]
}

func (c *goCache) Get(ctx context.Context, id int64) (Product, error) {
	s, err := c.cache.Get(ctx, productKey(id))
	if err != nil {
		return Product{}, err
	}
	return decode(s)
}

func (c *goCache) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *goCache) Invalidate(ctx context.Context, ids ...int64) error {
	for _, id := range ids {
		if err := c.cache.Delete(ctx, productKey(id)); err != nil {
			return err
		}
	}
	return nil
}

func (c *goCache) Close() error {
	time.Sleep(10 * time.Millisecond) // a Get that is about to store would panic
	return errors.Join(c.cache.Close(), c.client.Close())
}
