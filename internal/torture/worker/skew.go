package worker

import (
	"context"
	"time"

	"github.com/cachet-go/cachet/store"
)

// skewed is a store as it looks to a process whose wall clock is off. That clock is only ever held against the times
// that records bear, so to shift those back comes to the same as to put the clock on.
type skewed struct {
	store.Store
	off time.Duration
}

func (s skewed) shift(r store.Record) store.Record {
	r.Born -= s.off.Milliseconds()
	if r.Claimed > 0 { // counts from the stamp, which has to stay as it is
		r.Claimed = max(r.Claimed-s.off, 1)
	}
	return r
}

func (s skewed) Get(ctx context.Context, key string) (store.Record, error) {
	r, err := s.Store.Get(ctx, key)
	return s.shift(r), err
}

func (s skewed) GetMany(ctx context.Context, keys []string) ([]store.Record, error) {
	records, err := s.Store.GetMany(ctx, keys)
	for i, r := range records {
		records[i] = s.shift(r)
	}
	return records, err
}

func (s skewed) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	grants := s.Store.Lease(ctx, asks...)
	for i := range grants {
		grants[i].Record = s.shift(grants[i].Record)
	}
	return grants
}
