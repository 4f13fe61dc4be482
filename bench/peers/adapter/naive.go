package adapter

import (
	"context"
	"errors"
	"strconv"

	"github.com/redis/go-redis/v9"
	"github.com/vmihailenco/msgpack/v5"
)

// GET, load, SET; and DEL after a write: what everybody writes first, on plain go-redis. It merges nothing.
var naiveLibrary = Library{
	Name: "plain go-redis", Module: "github.com/redis/go-redis/v9", Reference: true, NoAbsence: true,
	New: func(cfg Config) (Cache, error) { return NewNaive(cfg), nil },
}

// Naive is cache-aside by hand.
type Naive struct {
	cfg    Config
	client *redis.Client
}

// NewNaive returns one on a client of its own.
func NewNaive(cfg Config) *Naive { return &Naive{cfg, cfg.client()} }

func plain(id int64) string { return "plain:" + strconv.FormatInt(id, 10) }

// Get is GET and decode, or load and SET.
func (n *Naive) Get(ctx context.Context, id int64) (Product, error) {
	var p Product
	b, err := n.client.Get(ctx, plain(id)).Bytes()
	if err == nil {
		err = msgpack.Unmarshal(b, &p)
		return p, err
	}
	if !errors.Is(err, redis.Nil) {
		return p, err
	}
	p, err = n.cfg.Load(ctx, id)
	if err != nil {
		return p, err
	}
	b, err = msgpack.Marshal(&p)
	if err != nil {
		return p, err
	}
	return p, n.client.Set(ctx, plain(id), b, n.cfg.TTL).Err()
}

// GetMany is MGET and decode. It does not load.
func (n *Naive) GetMany(ctx context.Context, ids []int64) (map[int64]Product, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = plain(id)
	}
	values, err := n.client.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, err
	}
	found := make(map[int64]Product, len(values))
	for i, v := range values {
		s, ok := v.(string)
		if !ok {
			return nil, errors.New("not stored")
		}
		var p Product
		if err := msgpack.Unmarshal([]byte(s), &p); err != nil {
			return nil, err
		}
		found[ids[i]] = p
	}
	return found, nil
}

// Put stores records by one pipeline.
func (n *Naive) Put(ctx context.Context, ids ...int64) error {
	pipe := n.client.Pipeline()
	for _, id := range ids {
		p := MakeProduct(id, 0)
		b, err := msgpack.Marshal(&p)
		if err != nil {
			return err
		}
		pipe.Set(ctx, plain(id), b, n.cfg.TTL)
	}
	_, err := pipe.Exec(ctx)
	return err
}

// Update writes and deletes.
func (n *Naive) Update(ctx context.Context, id int64, write func(context.Context) error) error {
	return deleteAfterWrite(ctx, n, id, write)
}

// Invalidate is a DEL, or a pipeline of DELs.
func (n *Naive) Invalidate(ctx context.Context, ids ...int64) error {
	if len(ids) == 1 {
		return n.client.Del(ctx, plain(ids[0])).Err()
	}
	pipe := n.client.Pipeline()
	for _, id := range ids {
		pipe.Del(ctx, plain(id))
	}
	_, err := pipe.Exec(ctx)
	return err
}

// Close closes the client.
func (n *Naive) Close() error { return n.client.Close() }
