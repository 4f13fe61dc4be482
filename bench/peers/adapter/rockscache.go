package adapter

import (
	"context"
	"errors"
	"time"

	"github.com/dtm-labs/rockscache"
	"github.com/redis/go-redis/v9"
)

// StrongConsistency, because the README says that without it old data is served after TagAsDeleted until a reload in
// the background is done. The rest are the values of NewDefaultOptions: the README advises to leave Delay alone, and
// LockExpire is to be the longest that a load takes, which nobody knows. EmptyExpire remembers absence: an empty
// string is the library's own mark for it.
var rockscacheLibrary = Library{
	Name: "rockscache", Module: "github.com/dtm-labs/rockscache",
	New: func(cfg Config) (Cache, error) {
		c := &rocksCache{cfg: cfg, client: cfg.client()}
		opts := rockscache.NewDefaultOptions()
		opts.StrongConsistency = true
		c.rocks = rockscache.NewClient(c.client, opts)
		return c, nil
	},
}

type rocksCache struct {
	cfg    Config
	client *redis.Client
	rocks  *rockscache.Client
}

func (c *rocksCache) Get(ctx context.Context, id int64) (Product, error) {
	s, err := c.rocks.Fetch2(ctx, name(id), c.ttl(), func() (string, error) {
		p, err := c.cfg.Load(ctx, id)
		if errors.Is(err, ErrAbsent) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		return encode(p)
	})
	if err != nil {
		return Product{}, err
	}
	if s == "" {
		return Product{}, ErrAbsent
	}
	return decode(s)
}

func (c *rocksCache) GetMany(ctx context.Context, ids []int64) (map[int64]Product, error) {
	values, err := c.rocks.FetchBatch2(ctx, names(ids), c.ttl(), func(missing []int) (map[int]string, error) {
		wanted := make([]int64, len(missing))
		for i, at := range missing {
			wanted[i] = ids[at]
		}
		found, err := c.cfg.LoadMany(ctx, wanted)
		if err != nil {
			return nil, err
		}
		encoded := make(map[int]string, len(found))
		for _, at := range missing {
			if p, ok := found[ids[at]]; ok {
				if encoded[at], err = encode(p); err != nil {
					return nil, err
				}
			}
		}
		return encoded, nil
	})
	if err != nil {
		return nil, err
	}
	found := make(map[int64]Product, len(values))
	for at, s := range values {
		if s == "" {
			continue
		}
		p, err := decode(s)
		if err != nil {
			return nil, err
		}
		found[ids[at]] = p
	}
	return found, nil
}

// ttl makes up for Delay, which the library takes off.
func (c *rocksCache) ttl() time.Duration { return c.cfg.TTL + c.rocks.Options.Delay }

func (c *rocksCache) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *rocksCache) Invalidate(ctx context.Context, ids ...int64) error {
	if len(ids) == 1 {
		return c.rocks.TagAsDeleted2(ctx, name(ids[0]))
	}
	return c.rocks.TagAsDeletedBatch2(ctx, names(ids))
}

func (c *rocksCache) Close() error { return c.client.Close() }
