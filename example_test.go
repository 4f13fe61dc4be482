package cachet_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

// Product is a record of the database.
type Product struct {
	ID    int64
	Name  string
	Price int64
}

// table stands in for the database in these examples.
type table struct {
	mu   sync.Mutex
	rows map[int64]Product
}

func (t *table) find(_ context.Context, id int64) (Product, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p, ok := t.rows[id]
	if !ok {
		return Product{}, sql.ErrNoRows
	}
	return p, nil
}

func (t *table) setPrice(_ context.Context, id, price int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.rows[id]
	p.Price = price
	t.rows[id] = p
	return nil
}

// Products is a repository whose reads go through a cache and whose writes invalidate it.
type Products struct {
	db    *table
	cache *cachet.Cache[int64, Product]
}

// NewProducts wraps db. In production st is redisstore.New(client, redisstore.Options{}).
func NewProducts(db *table, st store.Store) (*Products, error) {
	cache, err := cachet.New(st, cachet.Config[int64, Product]{
		Name: "product",
		Load: db.find, // sql.ErrNoRows is remembered as "there is none"
	})
	return &Products{db, cache}, err
}

// Find returns a product, or cachet.ErrNotFound.
func (p *Products) Find(ctx context.Context, id int64) (Product, error) {
	return p.cache.Get(ctx, id)
}

// SetPrice changes a price. Once it has returned nil, no Find returns the old one.
func (p *Products) SetPrice(ctx context.Context, id, price int64) error {
	return p.cache.Update(ctx, id, func(ctx context.Context) error {
		return p.db.setPrice(ctx, id, price)
	})
}

// A repository, wrapped.
func Example() {
	ctx := context.Background()
	db := &table{rows: map[int64]Product{42: {42, "lamp", 1999}}}
	products, err := NewProducts(db, memstore.New())
	if err != nil {
		fmt.Println(err)
		return
	}
	before, _ := products.Find(ctx, 42)
	_ = products.SetPrice(ctx, 42, 1499)
	after, _ := products.Find(ctx, 42)
	_, err = products.Find(ctx, 43)
	fmt.Println(before.Price, after.Price, errors.Is(err, cachet.ErrNotFound))
	fmt.Printf("%.2f\n", products.cache.Stats().HitRatio())
	// Output:
	// 1999 1499 true
	// 0.00
}

// Many records by one look-up and, for what is missing, one query.
func ExampleCache_GetMany() {
	names := cachet.Must(cachet.New(memstore.New(), cachet.Config[int, string]{
		Name: "name",
		LoadMany: func(_ context.Context, ids []int) (map[int]string, error) {
			found := make(map[int]string)
			for _, id := range ids {
				if id < 10 {
					found[id] = fmt.Sprintf("user-%d", id)
				}
			}
			return found, nil
		},
	}))
	users, err := names.GetMany(context.Background(), []int{1, 2, 11})
	fmt.Println(users, err)
	// Output: map[1:user-1 2:user-2] <nil>
}

// A write that touches several records invalidates all of them, also if it fails.
func ExampleCache_UpdateMany() {
	stock := map[string]int{"lamp": 3, "desk": 5}
	cache := cachet.Must(cachet.New(memstore.New(), cachet.Config[string, int]{
		Name:     "stock",
		Load:     func(_ context.Context, name string) (int, error) { return stock[name], nil },
		Strategy: aside.Strategy{Fence: 5 * time.Second}, // a writer that is killed half-way leaves nothing stale
	}))
	ctx := context.Background()
	_, _ = cache.Get(ctx, "lamp")
	err := cache.UpdateMany(ctx, []string{"lamp", "desk"}, func(context.Context) error {
		stock["lamp"], stock["desk"] = 2, 6
		return nil
	})
	lamps, _ := cache.Get(ctx, "lamp")
	fmt.Println(lamps, err)
	// Output: 2 <nil>
}

// What the source says now, whatever the cache holds.
func ExampleFresh() {
	reading := 20
	cache := cachet.Must(cachet.New(memstore.New(), cachet.Config[string, int]{
		Name: "sensor",
		Load: func(context.Context, string) (int, error) { return reading, nil },
	}))
	ctx := context.Background()
	_, _ = cache.Get(ctx, "hall")
	reading = 25 // by another program, which told nobody
	cached, _ := cache.Get(ctx, "hall")
	fresh, _ := cache.Get(ctx, "hall", cachet.Fresh())
	fmt.Println(cached, fresh)
	// Output: 20 25
}
