package invalidation_test

import (
	"context"
	"fmt"
	"sync"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/bustest"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

// A worker keeps true what another service has cached. It knows the name of the cache and the text of a key.
func ExampleApply() {
	bus := bustest.NewBus()  // in earnest a kafkabus.Publisher here and a kafkabus.Subscriber there
	shared := memstore.New() // and a redisstore
	prices, _ := cachet.New(shared, cachet.Config[int64, int]{
		Name: "price",
		Load: func(context.Context, int64) (int, error) { return 14, nil },
	})
	defer prices.Close()
	_ = prices.Prime(context.Background(), map[int64]int{42: 19}) // which was the price

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	_ = bus.Publish(ctx, invalidation.NewEvent("pricing", invalidation.Key("price", "42")))

	err := invalidation.Apply(ctx, bus, shared, invalidation.Options{
		Applied: func(_ context.Context, batch invalidation.Applied) {
			fmt.Println("applied", batch.Events, "event, deleted", batch.Keys, "key")
			stop()
		},
	})
	price, _ := prices.Get(context.Background(), 42)
	fmt.Println(price, err)
	// Output:
	// applied 1 event, deleted 1 key
	// 14 <nil>
}

// Each of two regions has a Redis of its own. A write deletes in its own region at once, and tells the other.
func ExampleStrategy() {
	var mu sync.Mutex
	name := "Ann" // in the database
	load := func(context.Context, int64) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		return name, nil
	}
	bus := bustest.NewBus() // in earnest a kafkabus.Publisher here, and a kafkabus.Subscriber there
	here, there := memstore.New(), memstore.New()
	open := func(st store.Store) *cachet.Cache[int64, string] {
		users, err := cachet.New(st, cachet.Config[int64, string]{
			Name:     "user",
			Load:     load,
			Strategy: invalidation.Strategy{Publisher: bus, Eager: true},
		})
		return cachet.Must(users, err)
	}
	ours, theirs := open(here), open(there)
	defer ours.Close()
	defer theirs.Close()

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	show := func() {
		our, _ := ours.Get(context.Background(), 7)
		their, _ := theirs.Get(context.Background(), 7)
		fmt.Println("here", our, "there", their)
	}
	show()
	_ = ours.Update(ctx, 7, func(context.Context) error {
		mu.Lock()
		defer mu.Unlock()
		name = "Bea"
		return nil
	})
	show() // the event is on its way

	_ = invalidation.Apply(ctx, bus, there, invalidation.Options{ // a worker there, until it has worked
		Applied: func(context.Context, invalidation.Applied) { stop() },
	})
	show()
	// Output:
	// here Ann there Ann
	// here Bea there Ann
	// here Bea there Bea
}
