package storetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cachet-go/cachet/store"
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
}

// Hooked is a store that lets a test act at each operation of another: bring about an interleaving, hold an
// operation up, or let it fail. A nil hook does nothing.
//
// Hooks are called by the caller's goroutine, concurrently where callers are. They may use the store underneath;
// if they use the Hooked one, they are called for that too. They must not be changed while the store is used.
//
// An error of a hook fails the call for all its keys or, if it is or wraps a *store.KeysError, for those that it names.
type Hooked struct {
	store.Store
	// Before is called before the store is. The keys that it fails are not asked for, as when a
	// request is lost.
	Before func(Call) error
	// After is called when the store has answered. The answers to the keys that it fails are withheld, as
	// when a reply is lost: what was asked has been done.
	After func(Call) error
}

var _ store.Store = (*Hooked)(nil)

// Get looks one key up.
func (h *Hooked) Get(ctx context.Context, key string) (store.Record, error) {
	var rec store.Record
	err := h.run(OpGet, []string{key}, func([]int) (err error) {
		rec, err = h.Store.Get(ctx, key)
		return err
	})
	if err != nil {
		return store.Record{}, err
	}
	return rec, nil
}

// GetMany looks keys up.
func (h *Hooked) GetMany(ctx context.Context, keys []string) ([]store.Record, error) {
	recs := make([]store.Record, len(keys))
	lost, err := h.call(OpGetMany, keys, func(asked []int) error {
		found, err := h.Store.GetMany(ctx, pick(keys, asked))
		for i, rec := range found {
			recs[asked[i]] = rec
		}
		return err
	})
	for i := range lost {
		recs[i] = store.Record{}
	}
	return recs, err
}

// Lease asks for leases.
func (h *Hooked) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	grants := make([]store.Grant, len(asks))
	lost, _ := h.call(OpLease, keysOf(asks, func(a store.Ask) string { return a.Key }), func(asked []int) error {
		for i, g := range h.Store.Lease(ctx, pick(asks, asked)...) {
			grants[asked[i]] = g
		}
		return nil
	})
	for i, err := range lost {
		grants[i] = store.Grant{Err: err}
	}
	return grants
}

// Fill stores values by their leases.
func (h *Hooked) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	verdicts := make([]store.Verdict, len(fills))
	lost, _ := h.call(OpFill, keysOf(fills, func(f store.Fill) string { return f.Key }), func(asked []int) error {
		for i, v := range h.Store.Fill(ctx, pick(fills, asked)...) {
			verdicts[asked[i]] = v
		}
		return nil
	})
	for i, err := range lost {
		verdicts[i] = store.Verdict{Err: err}
	}
	return verdicts
}

// Renew lets leases last for another full term.
func (h *Hooked) Renew(ctx context.Context, held ...store.Held) error {
	return h.run(OpRenew, keysOf(held, heldKey), func(asked []int) error {
		return h.Store.Renew(ctx, pick(held, asked)...)
	})
}

// Release gives leases back unfilled.
func (h *Hooked) Release(ctx context.Context, failed bool, held ...store.Held) error {
	return h.run(OpRelease, keysOf(held, heldKey), func(asked []int) error {
		return h.Store.Release(ctx, failed, pick(held, asked)...)
	})
}

// Watch subscribes to the end of leases on key.
func (h *Hooked) Watch(ctx context.Context, key string) (store.Watch, error) {
	var w store.Watch
	err := h.run(OpWatch, []string{key}, func([]int) (err error) {
		w, err = h.Store.Watch(ctx, key)
		return err
	})
	if err != nil && w != nil {
		w.Close()
		w = nil
	}
	return w, err
}

// Invalidate removes whatever the keys hold.
func (h *Hooked) Invalidate(ctx context.Context, keys ...string) error {
	return h.run(OpInvalidate, keys, func(asked []int) error {
		return h.Store.Invalidate(ctx, pick(keys, asked)...)
	})
}

// Fence marks keys as about to be written.
func (h *Hooked) Fence(ctx context.Context, token uint64, d time.Duration, keys ...string) error {
	return h.run(OpFence, keys, func(asked []int) error {
		return h.Store.Fence(ctx, token, d, pick(keys, asked)...)
	})
}

// Lift takes the fence of token away.
func (h *Hooked) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	return h.run(OpLift, keys, func(asked []int) error {
		return h.Store.Lift(ctx, token, probation, pick(keys, asked)...)
	})
}

func (h *Hooked) run(op Op, keys []string, do func(asked []int) error) error {
	_, err := h.call(op, keys, do)
	return err
}

// call calls the hooks around do, which is given the places of the keys that are left. It returns the places
// whose keys the hooks have failed, and the error of it all.
func (h *Hooked) call(op Op, keys []string, do func(asked []int) error) (map[int]error, error) {
	c := Call{Op: op, Keys: keys}
	lost := make(map[int]error)
	before := lose(h.Before, c, lost)
	var asked []int
	for i := range keys {
		if lost[i] == nil {
			asked = append(asked, i)
		}
	}
	var done error
	if len(asked) > 0 || len(keys) == 0 {
		done = do(asked)
	}
	after := lose(h.After, c, lost)
	return lost, join(keys, before, done, after)
}

// lose calls a hook and enters in lost what it fails.
func lose(hook func(Call) error, c Call, lost map[int]error) error {
	if hook == nil {
		return nil
	}
	err := hook(c)
	if err == nil {
		return nil
	}
	var some *store.KeysError
	named := errors.As(err, &some)
	for i, key := range c.Keys {
		if lost[i] == nil && (!named || slices.Contains(some.Keys, key)) {
			lost[i] = err
		}
	}
	return err
}

// join returns the one error that there is. Of several, one may name some keys and another mean all: together they
// mean all.
func join(keys []string, errs ...error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	switch len(errs) {
	case 0:
		return nil
	case 1:
		return errs[0]
	}
	return &store.KeysError{Keys: slices.Clone(keys), Err: errors.Join(errs...)}
}

func pick[T any](all []T, places []int) []T {
	if len(places) == len(all) {
		return all
	}
	some := make([]T, len(places))
	for i, place := range places {
		some[i] = all[place]
	}
	return some
}

func keysOf[T any](asked []T, key func(T) string) []string {
	keys := make([]string, len(asked))
	for i, a := range asked {
		keys[i] = key(a)
	}
	return keys
}

func heldKey(h store.Held) string { return h.Key }
