package chaosstore

import (
	"context"
	"slices"
)

// Op names a method of store.Store.
type Op string

// The methods of store.Store.
const (
	OpGet        Op = "Get"
	OpGetMany    Op = "GetMany"
	OpLease      Op = "Lease"
	OpRenew      Op = "Renew"
	OpFill       Op = "Fill"
	OpRelease    Op = "Release"
	OpWatch      Op = "Watch"
	OpInvalidate Op = "Invalidate"
	OpFence      Op = "Fence"
	OpLift       Op = "Lift"
)

// Call is one call of a method.
type Call struct {
	Op   Op
	Keys []string // in the order asked; not to be written to

	places []int // of Keys, among what do knows
	do     operation
}

// operation executes a call for the keys at some places. Where nobody is to have the answers, answer is not called.
type operation func(ctx context.Context, asked []int) (answer func(), err error)

// Again executes the call for those of its keys that are named, or for all if none is, and keeps the answers from
// the caller: a request that arrives once more or, if Before fails the keys, late. It can be called at any time, also
// when the call has returned, and from any goroutine. It returns the error of the method, if that returns one.
// A Watch cannot be had again: nothing is done.
func (c Call) Again(ctx context.Context, keys ...string) error {
	if c.Op == OpWatch {
		return nil
	}
	var places []int
	for i, key := range c.Keys {
		if len(keys) == 0 || slices.Contains(keys, key) {
			places = append(places, c.places[i])
		}
	}
	_, err := c.do(ctx, places)
	return err
}
