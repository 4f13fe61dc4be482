package adapter

import (
	"context"
	"net"

	"github.com/redis/rueidis"
	"github.com/redis/rueidis/rueidisaside"
)

// Client-side caching, which is what the library is made of: hits come from the process, and Redis tells when they are
// over. Absence is remembered as an empty string, which is the user's business. UseLuaLock is for servers before 7.0.
var rueidisasideLibrary = Library{
	Name: "rueidisaside", Module: "github.com/redis/rueidis/rueidisaside", Copies: true, NoBatch: true,
	New: func(cfg Config) (Cache, error) {
		client, err := rueidisaside.NewClient(rueidisaside.ClientOption{ClientOption: cfg.rueidis()})
		return &aside{cfg, client}, err
	},
}

// rueidis has the time-outs that client gives go-redis.
func (c Config) rueidis() rueidis.ClientOption {
	opts := rueidis.ClientOption{InitAddress: []string{c.Addr}, ForceSingleClient: true}
	if c.Impatient {
		opts.Dialer, opts.ConnWriteTimeout = net.Dialer{Timeout: impatience}, impatience
	}
	return opts
}

type aside struct {
	cfg    Config
	client rueidisaside.CacheAsideClient
}

func (c *aside) Get(ctx context.Context, id int64) (Product, error) {
	s, err := c.client.Get(ctx, c.cfg.TTL, name(id), func(ctx context.Context, _ string) (string, error) {
		p, err := c.cfg.Load(ctx, id)
		if err == ErrAbsent { //nolint:errorlint // it is the loader's
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

func (c *aside) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, c, id, write)
}

func (c *aside) Invalidate(ctx context.Context, ids ...int64) error {
	if len(ids) == 1 {
		return c.client.Del(ctx, name(ids[0]))
	}
	rdb := c.client.Client()
	cmds := make(rueidis.Commands, len(ids))
	for i, id := range ids {
		cmds[i] = rdb.B().Del().Key(name(id)).Build()
	}
	for _, reply := range rdb.DoMulti(ctx, cmds...) {
		if err := reply.Error(); err != nil {
			return err
		}
	}
	return nil
}

func (c *aside) Close() error {
	c.client.Close()
	return nil
}
