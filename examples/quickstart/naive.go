package main

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/codec"
)

// usual is the Repository behind the cache that most programs write for themselves: GET, else load and SET; on a
// write UPDATE, then DEL. Each of its steps is right. What is wrong happens between them:
//
//  1. A reader misses and loads version 1.
//  2. A writer commits version 2 and deletes the key, which holds nothing yet.
//  3. The reader, late, stores version 1.
//
// Everybody then reads version 1 until the next write of that record or the end of its TTL.
type usual struct {
	repo         *Repository
	kv           kv
	prefix       string
	hits, misses atomic.Int64
}

// kv is what the usual code asks of a store.
type kv interface {
	// get returns nil if there is nothing under key.
	get(ctx context.Context, key string) ([]byte, error)
	set(ctx context.Context, key string, data []byte, ttl time.Duration) error
	del(ctx context.Context, key string) error
}

// entry is what it stores. That there is no such product is remembered too, which many forget.
type entry struct {
	Found   bool
	Product Product
}

func (u *usual) key(id int64) string { return u.prefix + ":" + strconv.FormatInt(id, 10) }

// Product returns the product of that id, or sql.ErrNoRows.
func (u *usual) Product(ctx context.Context, id int64) (Product, error) {
	var e entry
	data, err := u.kv.get(ctx, u.key(id))
	if err != nil {
		return Product{}, err
	}
	if data != nil {
		u.hits.Add(1)
		if err := codec.MsgPack.Unmarshal(data, &e); err != nil {
			return Product{}, err
		}
		return e.answer()
	}
	u.misses.Add(1)
	p, err := u.repo.Product(ctx, id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Product{}, err
	}
	e = entry{Found: err == nil, Product: p}
	if data, err = codec.MsgPack.Marshal(&e); err != nil {
		return Product{}, err
	}
	// Nothing here can tell whether p is still what the database holds.
	if err := u.kv.set(ctx, u.key(id), data, ttl); err != nil {
		return Product{}, err
	}
	return e.answer()
}

func (e entry) answer() (Product, error) {
	if !e.Found {
		return Product{}, sql.ErrNoRows
	}
	return e.Product, nil
}

// Save writes p.
func (u *usual) Save(ctx context.Context, p Product) (int64, error) {
	version, err := u.repo.Save(ctx, p)
	return version, errors.Join(err, u.kv.del(ctx, u.key(p.ID)))
}

func (u *usual) stats() cachet.Stats {
	return cachet.Stats{Hits: u.hits.Load(), Misses: u.misses.Load()}
}

// redisKV is Redis by plain commands.
type redisKV struct{ client *redis.Client }

func (r redisKV) get(ctx context.Context, key string) ([]byte, error) {
	data, err := r.client.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	return data, err
}

func (r redisKV) set(ctx context.Context, key string, data []byte, ttl time.Duration) error {
	return r.client.Set(ctx, key, data, ttl).Err()
}

func (r redisKV) del(ctx context.Context, key string) error { return r.client.Del(ctx, key).Err() }

// mapKV is a map under a mutex.
type mapKV struct {
	mu      sync.Mutex
	records map[string]mapRecord // guarded by mu
}

type mapRecord struct {
	data []byte
	ends time.Time
}

func (m *mapKV) get(_ context.Context, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.records[key]; ok && time.Now().Before(r.ends) {
		return r.data, nil
	}
	return nil, nil
}

func (m *mapKV) set(_ context.Context, key string, data []byte, ttl time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records[key] = mapRecord{data: data, ends: time.Now().Add(ttl)}
	return nil
}

func (m *mapKV) del(_ context.Context, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, key)
	return nil
}
