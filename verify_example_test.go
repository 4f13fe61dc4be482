package cachet_test

import (
	"context"
	"fmt"
	"time"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store/memstore"
)

// One hit in a thousand is compared with the source, here each. Somebody changes prices by hand, and forgets the cache.
func ExampleVerify() {
	ctx := context.Background()
	db := &table{rows: map[int64]Product{42: {42, "lamp", 1999}, 43: {43, "shade", 899}}}
	alarm := make(chan cachet.InconsistentInfo)
	products := cachet.Must(cachet.New(memstore.New(), cachet.Config[int64, Product]{
		Name:   "product",
		Load:   db.find,
		Verify: cachet.Verify{Rate: 1, Within: 50 * time.Millisecond}, // in production 0.001, and some seconds
		Hooks: cachet.Hooks{Inconsistent: func(_ context.Context, info cachet.InconsistentInfo) {
			alarm <- info
		}},
	}))
	defer products.Close()

	for id := range db.rows {
		_, _ = products.Get(ctx, id)
	}
	_ = db.setPrice(ctx, 42, 1499) // not in an Update, and without an Invalidate
	for id := range db.rows {
		_, _ = products.Get(ctx, id)
	}
	fmt.Println("differs:", (<-alarm).Key)
	for products.Stats().Verified < 2 {
		time.Sleep(time.Millisecond)
	}
	s := products.Stats()
	fmt.Printf("%d of %d compared hits\n", s.Inconsistent, s.Verified)
	// Output:
	// differs: product:42
	// 1 of 2 compared hits
}
