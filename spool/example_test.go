package spool_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/spool"
	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/memstore"
)

// unreachable stands for a Redis that is down.
type unreachable struct{ store.Store }

func (unreachable) Invalidate(context.Context, ...string) error {
	return errors.New("connection refused")
}

// A failed invalidation is on disk when Update returns, and the next process goes on with it.
func Example() {
	dir, err := os.MkdirTemp("", "spool")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	sp, err := spool.Open(dir, spool.Options{}) // in production a directory that stays
	if err != nil {
		fmt.Println(err)
		return
	}
	cache := cachet.Must(cachet.New(unreachable{memstore.New()}, cachet.Config[int64, string]{
		Name:  "product",
		Load:  func(context.Context, int64) (string, error) { return "chair", nil },
		Spool: sp,
	}))
	err = cache.Update(context.Background(), 7, func(context.Context) error { return nil })
	fmt.Println("safe:", errors.Is(err, cachet.ErrDeferred))
	for key := range sp.Pending("product:") {
		fmt.Println(key)
	}
	// Output:
	// safe: true
	// product:7
}
