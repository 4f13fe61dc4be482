package chaosstore_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store/chaosstore"
	"github.com/cachet-go/cachet/store/memstore"
)

// A program's own test: a fifth of all that is asked of the cache fails in one of three ways, and every answer must
// be right all the same.
func Example() {
	ctx := context.Background()
	st := chaosstore.New(memstore.New(), chaosstore.Options{
		Seed: 1, Fail: 0.1, Late: 0.05, Lose: 0.05, Repeat: 0.1, Delay: 0.1, MaxDelay: time.Millisecond,
	})
	stock := 0
	c := cachet.Must(cachet.New(st, cachet.Config[string, int]{
		Name: "stock",
		Load: func(context.Context, string) (int, error) { return stock, nil },
		Hooks: cachet.Hooks{
			Error: func(context.Context, error) {}, // that the store fails is no news here
		},
	}))
	right, acknowledged := 0, 0
	for range 100 {
		err := c.Update(ctx, "bolt", func(context.Context) error { stock++; return nil })
		if err != nil {
			continue // not acknowledged: until the invalidation is repeated, a read may miss it
		}
		acknowledged++
		if n, err := c.Get(ctx, "bolt"); err == nil && n == stock {
			right++
		}
	}
	st.Calm()
	fmt.Println("all that were acknowledged are seen:", right == acknowledged)
	fmt.Println("some were not:", acknowledged < 100)
	fmt.Println(c.Close())
	// Output:
	// all that were acknowledged are seen: true
	// some were not: true
	// <nil>
}

// A test of one interleaving: the fill is held up in the network until the record has been written and invalidated.
func ExampleHooked() {
	ctx := context.Background()
	st := &chaosstore.Hooked{Store: memstore.New()}
	color := "red"
	c := cachet.Must(cachet.New(st, cachet.Config[string, string]{
		Name: "color",
		Load: func(context.Context, string) (string, error) { return color, nil },
	}))
	overtaken := false
	st.Before = func(ctx context.Context, call chaosstore.Call) error {
		if call.Op != chaosstore.OpFill || overtaken {
			return nil
		}
		overtaken = true
		return c.Update(ctx, "bolt", func(context.Context) error { color = "blue"; return nil })
	}
	first, err := c.Get(ctx, "bolt")
	fmt.Println(first, err)
	second, err := c.Get(ctx, "bolt")
	fmt.Println(second, err)
	fmt.Println(c.Close())
	// Output:
	// red <nil>
	// blue <nil>
	// <nil>
}
