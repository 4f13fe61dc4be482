package chaosstore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cachet-go/cachet/store"
)

// Hooked is a store that lets a test act at each operation of another: bring about an interleaving, hold an
// operation up, let it fail, or have it executed late or twice. A nil hook does nothing.
//
// Hooks are called by the caller's goroutine with the caller's context, concurrently where callers are. They may
// use the store underneath; if they use the Hooked one, they are called for that too. They must not be changed
// while the store is used.
//
// An error of a hook fails the call for all its keys or, if it is or wraps a *store.KeysError, for those that it names.
type Hooked struct {
	store.Store
	// Before is called before the store is. The keys that it fails are not asked for, as when a
	// request is lost.
	Before func(context.Context, Call) error
	// After is called when the store has answered, with the keys that it was asked for; if Before has failed
	// them all, not at all. The answers to the keys that it fails are withheld, as when a reply is lost: what
	// was asked has been done.
	After func(context.Context, Call) error
}

var _ store.Store = (*Hooked)(nil)

// What is asked for is copied on the way in: a call may be executed once more when its caller has gone on.

// Get looks one key up.
func (h *Hooked) Get(ctx context.Context, key string) (store.Record, error) {
	var rec store.Record
	lost, err := h.call(ctx, OpGet, []string{key}, func(ctx context.Context, _ []int) (answer func(), err error) {
		found, err := h.Store.Get(ctx, key)
		return func() { rec = found }, err
	})
	if len(lost) > 0 {
		return store.Record{}, err
	}
	return rec, err
}

// GetMany looks keys up.
func (h *Hooked) GetMany(ctx context.Context, keys []string) ([]store.Record, error) {
	recs := make([]store.Record, len(keys))
	keys = slices.Clone(keys)
	lost, err := h.call(ctx, OpGetMany, keys, func(ctx context.Context, asked []int) (answer func(), err error) {
		found, err := h.Store.GetMany(ctx, pick(keys, asked))
		return func() { place(recs, asked, found) }, err
	})
	for i := range lost {
		recs[i] = store.Record{}
	}
	return recs, err
}

// Lease asks for leases.
func (h *Hooked) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	c := Call{Op: OpLease, Keys: keysOf(asks, func(a store.Ask) string { return a.Key })}
	return each(ctx, h, c, asks, h.Store.Lease, func(err error) store.Grant { return store.Grant{Err: err} })
}

// Fill stores values by their leases.
func (h *Hooked) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	c := Call{Op: OpFill, Keys: keysOf(fills, func(f store.Fill) string { return f.Key })}
	return each(ctx, h, c, fills, h.Store.Fill, func(err error) store.Verdict { return store.Verdict{Err: err} })
}

// Renew lets leases last for another full term.
func (h *Hooked) Renew(ctx context.Context, held ...store.Held) error {
	held = slices.Clone(held)
	return h.run(ctx, OpRenew, keysOf(held, heldKey), func(ctx context.Context, asked []int) error {
		return h.Store.Renew(ctx, pick(held, asked)...)
	})
}

// Release gives leases back unfilled.
func (h *Hooked) Release(ctx context.Context, failed bool, held ...store.Held) error {
	held = slices.Clone(held)
	return h.run(ctx, OpRelease, keysOf(held, heldKey), func(ctx context.Context, asked []int) error {
		return h.Store.Release(ctx, failed, pick(held, asked)...)
	})
}

// Watch subscribes to the end of leases on key.
func (h *Hooked) Watch(ctx context.Context, key string) (store.Watch, error) {
	var w store.Watch
	_, err := h.call(ctx, OpWatch, []string{key}, func(ctx context.Context, _ []int) (answer func(), err error) {
		opened, err := h.Store.Watch(ctx, key)
		return func() { w = opened }, err
	})
	if err != nil && w != nil {
		w.Close()
		w = nil
	}
	return w, err
}

// Invalidate removes whatever the keys hold.
func (h *Hooked) Invalidate(ctx context.Context, keys ...string) error {
	keys = slices.Clone(keys)
	return h.run(ctx, OpInvalidate, keys, func(ctx context.Context, asked []int) error {
		return h.Store.Invalidate(ctx, pick(keys, asked)...)
	})
}

// Fence marks keys as about to be written.
func (h *Hooked) Fence(ctx context.Context, token uint64, d time.Duration, keys ...string) error {
	keys = slices.Clone(keys)
	return h.run(ctx, OpFence, keys, func(ctx context.Context, asked []int) error {
		return h.Store.Fence(ctx, token, d, pick(keys, asked)...)
	})
}

// Lift takes the fence of token away.
func (h *Hooked) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	keys = slices.Clone(keys)
	return h.run(ctx, OpLift, keys, func(ctx context.Context, asked []int) error {
		return h.Store.Lift(ctx, token, probation, pick(keys, asked)...)
	})
}

// run is call for a method that answers with an error only.
func (h *Hooked) run(ctx context.Context, op Op, keys []string, do func(ctx context.Context, asked []int) error) error {
	_, err := h.call(ctx, op, keys, func(ctx context.Context, asked []int) (answer func(), err error) {
		return func() {}, do(ctx, asked)
	})
	return err
}

// each is call for a method whose answers have their errors in them. failed makes one.
func each[Q, A any](
	ctx context.Context, h *Hooked, c Call, all []Q, method func(context.Context, ...Q) []A, failed func(error) A,
) []A {
	all = slices.Clone(all)
	answers := make([]A, len(all))
	lost, _ := h.call(ctx, c.Op, c.Keys, func(ctx context.Context, asked []int) (answer func(), err error) {
		got := method(ctx, pick(all, asked)...)
		return func() { place(answers, asked, got) }, nil
	})
	for i, err := range lost {
		answers[i] = failed(err)
	}
	return answers
}

// call calls the hooks around do. It returns the places whose keys the hooks have failed, and the error of it all.
func (h *Hooked) call(ctx context.Context, op Op, keys []string, do operation) (lost map[int]error, err error) {
	c := Call{Op: op, Keys: keys, places: make([]int, len(keys)), do: do}
	for i := range keys {
		c.places[i] = i
	}
	lost = make(map[int]error)
	before := lose(ctx, h.Before, c, lost)
	var asked []int
	for i := range keys {
		if lost[i] == nil {
			asked = append(asked, i)
		}
	}
	if len(asked) == 0 && len(keys) > 0 {
		return lost, before
	}
	answer, done := do(ctx, asked)
	answer()
	c.Keys, c.places = pick(keys, asked), asked
	after := lose(ctx, h.After, c, lost)
	return lost, join(keys, before, done, after)
}

// lose calls a hook and enters in lost what it fails.
func lose(ctx context.Context, hook func(context.Context, Call) error, c Call, lost map[int]error) error {
	if hook == nil {
		return nil
	}
	err := hook(ctx, c)
	if err == nil {
		return nil
	}
	var some *store.KeysError
	named := errors.As(err, &some)
	for i, key := range c.Keys {
		if !named || slices.Contains(some.Keys, key) {
			lost[c.places[i]] = err
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

// place puts the answers for some places among all.
func place[T any](all []T, places []int, some []T) {
	for i, answer := range some {
		all[places[i]] = answer
	}
}

func keysOf[T any](asked []T, key func(T) string) []string {
	keys := make([]string, len(asked))
	for i, a := range asked {
		keys[i] = key(a)
	}
	return keys
}

func heldKey(h store.Held) string { return h.Key }
