package adapter

import (
	"context"

	"github.com/zeromicro/go-zero/core/logx"
	"github.com/zeromicro/go-zero/core/stores/cache"
	"github.com/zeromicro/go-zero/core/stores/redis"
	"github.com/zeromicro/go-zero/core/syncx"
)

// A node as sqlc makes one, with its own client, whose time-outs cannot be set. NotFoundExpiry is left at a minute.
var goZeroLibrary = Library{
	Name: "go-zero", Module: "github.com/zeromicro/go-zero", NoBatch: true,
	New: func(cfg Config) (Cache, error) {
		var opts []redis.Option
		if cfg.Sent != nil {
			opts = append(opts, redis.WithHook(cfg.Sent))
		}
		rdb, err := redis.NewRedis(redis.RedisConf{Host: cfg.Addr, Type: redis.NodeType}, opts...)
		if err != nil {
			return nil, err
		}
		node := cache.NewNode(rdb, syncx.NewSingleFlight(), cache.NewStat("p"), ErrAbsent, cache.WithExpiry(cfg.TTL))
		return &goZero{cfg, node}, nil
	},
}

// Quiet keeps what libraries say by themselves, as go-zero does once a minute, off the output.
func Quiet() { logx.Disable() }

type goZero struct {
	cfg  Config
	node cache.Cache
}

func (c *goZero) Get(ctx context.Context, id int64) (Product, error) {
	var p Product
	err := c.node.TakeCtx(ctx, &p, name(id), func(v any) error {
		found, err := c.cfg.Load(ctx, id)
		if err != nil {
			return err
		}
		*v.(*Product) = found //nolint:forcetypeassert // it is what was handed in
		return nil
	})
	return p, err
}

func (c *goZero) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *goZero) Invalidate(ctx context.Context, ids ...int64) error {
	return c.node.DelCtx(ctx, names(ids)...)
}

func (*goZero) Close() error { return nil }
