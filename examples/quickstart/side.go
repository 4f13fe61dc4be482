package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
	"github.com/cachet-go/cachet/store/redisstore"
)

// side is one of the two that are compared.
type side struct {
	name     string
	products Products
	stats    func() cachet.Stats
	// clear removes what is stored of ids, so that a Redis that has other uses is left as it was found.
	clear func(ctx context.Context, ids []int64) error
}

// unique makes a name that no other run has, for whoever runs two against the same Redis.
func unique() string { return fmt.Sprintf("quickstart-%08x", rand.Uint32()) }

// openCachet is repo behind cachet. client may be nil.
func openCachet(repo *Repository, client *redis.Client) (side, error) {
	var st store.Store = memstore.New()
	if client != nil {
		st = redisstore.New(client, redisstore.Options{})
	}
	c, err := NewCatalog(st, repo, unique())
	if err != nil {
		return side{}, err
	}
	return side{
		name: "cachet", products: c, stats: c.byID.Stats,
		clear: func(ctx context.Context, ids []int64) error {
			return errors.Join(c.byID.Invalidate(ctx, ids...), c.Close())
		},
	}, nil
}

// openUsual is repo behind the usual code. client may be nil.
func openUsual(repo *Repository, client *redis.Client) (side, error) {
	u := &usual{repo: repo, kv: &mapKV{records: make(map[string]mapRecord)}, prefix: unique()}
	if client != nil {
		u.kv = redisKV{client: client}
	}
	return side{
		name: "GET/SET/DEL", products: u, stats: u.stats,
		clear: func(ctx context.Context, ids []int64) error {
			for _, id := range ids {
				if err := u.kv.del(ctx, u.key(id)); err != nil {
					return err
				}
			}
			return nil
		},
	}, nil
}
