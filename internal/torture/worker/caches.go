package worker

import (
	"context"
	"fmt"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/internal/torture/source"
	"github.com/cachet-go/cachet/store"
)

// Record is what the caches keep.
type Record struct {
	Key     int
	Version uint32
	Pad     []byte
}

// Cache is a cache of some rows.
type Cache = cachet.Cache[int, Record]

// Caches are the two that a worker has.
type Caches struct{ Plain, Fenced *Cache }

// NewCaches returns caches over a store that load from a database.
func NewCaches(st store.Store, db *source.Client, pad int, report func(error)) (Caches, error) {
	rows := loader{db, make([]byte, pad)}
	cfg := cachet.Config[int, Record]{
		Name: "plain", Load: rows.load, LoadMany: rows.loadMany, MaxLoads: 1 << 10,
		TTL: TTL, StaleTTL: StaleTTL, EarlyRefresh: 1,
		Hooks: cachet.Hooks{Error: func(_ context.Context, err error) { report(err) }},
	}
	plain, err := cachet.New(st, cfg)
	if err != nil {
		return Caches{}, err
	}
	cfg.Name, cfg.Strategy = "fenced", aside.Strategy{Fence: Fence, Strict: true}
	fenced, err := cachet.New(st, cfg)
	return Caches{plain, fenced}, err
}

type loader struct {
	db  *source.Client
	pad []byte
}

func (l loader) load(ctx context.Context, key int) (Record, error) {
	got, err := l.db.Read(ctx, []int{key})
	if err != nil {
		return Record{}, err
	}
	return Record{key, got[0], l.pad}, nil
}

func (l loader) loadMany(ctx context.Context, keys []int) (map[int]Record, error) {
	got, err := l.db.Read(ctx, keys)
	if err != nil {
		return nil, err
	}
	out := make(map[int]Record, len(keys))
	for i, key := range keys {
		out[key] = Record{key, got[i], l.pad}
	}
	return out, nil
}

// Check returns an error if a record is not that of key.
func (r Record) Check(key int) error {
	if r.Key != key || r.Version == 0 {
		return fmt.Errorf("read of key %d returned the record %+v", key, r)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
