package adapter

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/viccon/sturdyc"
)

// With distributed storage in Redis, as the README describes it, and missing records stored. It keeps a copy in memory
// besides, which cannot be had otherwise and of whose deletion other processes do not hear. A write deletes both here.
var sturdycLibrary = Library{
	Name: "sturdyc", Module: "github.com/viccon/sturdyc", Copies: true,
	New: func(cfg Config) (Cache, error) {
		c := &sturdy{cfg: cfg, storage: &sturdyStorage{cfg.client(), cfg.TTL}}
		c.cache = sturdyc.New[Product](200_000, 64, cfg.TTL, 10,
			sturdyc.WithMissingRecordStorage(), sturdyc.WithDistributedStorage(c.storage), sturdyc.WithNoContinuousEvictions(),
			sturdyc.WithLog(noLog{}))
		return c, nil
	},
}

type sturdy struct {
	cfg     Config
	storage *sturdyStorage
	cache   *sturdyc.Client[Product]
}

func (c *sturdy) Get(ctx context.Context, id int64) (Product, error) {
	p, err := c.cache.GetOrFetch(ctx, name(id), func(ctx context.Context) (Product, error) {
		p, err := c.cfg.Load(ctx, id)
		if errors.Is(err, ErrAbsent) {
			return p, sturdyc.ErrNotFound
		}
		return p, err
	})
	if errors.Is(err, sturdyc.ErrMissingRecord) || errors.Is(err, sturdyc.ErrNotFound) {
		return p, ErrAbsent
	}
	return p, err
}

func (c *sturdy) GetMany(ctx context.Context, ids []int64) (map[int64]Product, error) {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = strconv.FormatInt(id, 10)
	}
	key := func(id string) string { return "p:" + id }
	values, err := c.cache.GetOrFetchBatch(ctx, texts, key,
		func(ctx context.Context, missing []string) (map[string]Product, error) {
			wanted := make([]int64, len(missing))
			for i, text := range missing {
				wanted[i], _ = strconv.ParseInt(text, 10, 64)
			}
			found, err := c.cfg.LoadMany(ctx, wanted)
			named := make(map[string]Product, len(found))
			for id, p := range found {
				named[strconv.FormatInt(id, 10)] = p
			}
			return named, err
		})
	found := make(map[int64]Product, len(values))
	for _, p := range values {
		found[p.ID] = p
	}
	return found, err
}

func (c *sturdy) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *sturdy) Invalidate(ctx context.Context, ids ...int64) error {
	err := c.storage.client.Del(ctx, names(ids)...).Err()
	for _, id := range ids {
		c.cache.Delete(name(id))
	}
	return err
}

func (c *sturdy) Close() error { return c.storage.client.Close() }

// sturdyStorage is what the library calls distributed storage: it leaves Redis to its users.
type sturdyStorage struct {
	client *redis.Client
	ttl    time.Duration
}

func (s *sturdyStorage) Get(ctx context.Context, key string) ([]byte, bool) {
	b, err := s.client.Get(ctx, key).Bytes()
	return b, err == nil
}

func (s *sturdyStorage) Set(ctx context.Context, key string, value []byte) {
	_ = s.client.Set(ctx, key, value, s.ttl).Err() // the interface has no errors
}

func (s *sturdyStorage) GetBatch(ctx context.Context, keys []string) map[string][]byte {
	found := make(map[string][]byte, len(keys))
	values, err := s.client.MGet(ctx, keys...).Result()
	if err != nil {
		return found
	}
	for i, v := range values {
		if text, ok := v.(string); ok {
			found[keys[i]] = []byte(text)
		}
	}
	return found
}

func (s *sturdyStorage) SetBatch(ctx context.Context, records map[string][]byte) {
	pipe := s.client.Pipeline()
	for key, value := range records {
		pipe.Set(ctx, key, value, s.ttl)
	}
	_, _ = pipe.Exec(ctx) // the interface has no errors
}

type noLog struct{}

func (noLog) Warn(string, ...any) {}

func (noLog) Error(string, ...any) {}
