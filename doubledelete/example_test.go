package doubledelete_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/doubledelete"
	"github.com/cachet-go/cachet/store/memstore"
)

func Example() {
	ctx := context.Background()
	price := 100
	cache := cachet.Must(cachet.New(memstore.New(), cachet.Config[int64, int]{
		Name:     "price",
		Load:     func(context.Context, int64) (int, error) { return price, nil }, // from a replica
		Strategy: doubledelete.New(doubledelete.Options{Delay: 20 * time.Millisecond}),
	}))
	err := cache.Update(ctx, 7, func(context.Context) error {
		price = 120 // UPDATE ... ; COMMIT
		return nil
	})
	fmt.Println(err)
	fmt.Println(cache.Close()) // waits for the delayed delete
	// Output:
	// <nil>
	// <nil>
}

// The delay follows what loads take and how far the replica lags.
func ExampleAdaptive() {
	adaptive := doubledelete.NewAdaptive(doubledelete.AdaptiveOptions{
		Lag: func(context.Context) (time.Duration, error) {
			return 300 * time.Millisecond, nil // SELECT now() - pg_last_xact_replay_timestamp()
		},
		Min: 200 * time.Millisecond,
		Max: 5 * time.Second,
	})
	cache := cachet.Must(cachet.New(memstore.New(), cachet.Config[int64, string]{
		Name:     "product",
		Load:     func(context.Context, int64) (string, error) { return "chair", nil },
		Strategy: doubledelete.New(doubledelete.Options{Adaptive: adaptive}),
		Hooks: cachet.Hooks{Get: func(_ context.Context, info cachet.GetInfo) {
			if info.Outcome == cachet.Loaded {
				adaptive.Observe(info.Duration)
			}
		}},
	}))
	name, err := cache.Get(context.Background(), 7)
	fmt.Println(name, err, adaptive.Delay()) // Max, until it was measured
	fmt.Println(cache.Close())
	// Output:
	// chair <nil> 5s
	// <nil>
}
