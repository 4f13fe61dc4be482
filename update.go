package cachet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cachet-go/cachet/aside"
)

// Update runs write once and invalidates the record of key, also if write fails or panics, for neither proves
// that nothing was committed. write must have committed when it returns. It is not run if the key has no text,
// or if aside.Strategy.Strict refuses (ErrRefused).
//
// If Update returns nil, no Get that starts afterwards returns an older version. It returns the error of write,
// an *InvalidationError if the record could not be invalidated, or both joined. With an *InvalidationError
// alone the write has succeeded, and other readers may see the old version for a while: a repository will often
// report success, and log it. The invalidation does not end with ctx. If write panics, so does Update, after
// the invalidation.
func (c *Cache[K, V]) Update(ctx context.Context, key K, write func(context.Context) error) error {
	return c.UpdateMany(ctx, []K{key}, write)
}

// UpdateMany is Update for a write that changes several records. Without keys it still runs write.
func (c *Cache[K, V]) UpdateMany(ctx context.Context, keys []K, write func(context.Context) error) error {
	if write == nil {
		return fmt.Errorf("cachet: cache %q: Update without a write", c.cfg.Name)
	}
	names, err := c.keys(keys)
	if err != nil {
		return err // nothing is written that could not be invalidated
	}
	return c.write(ctx, names, write)
}

// Invalidate makes the cache forget the records of keys, which were written by other means. It must be called
// after the commit. If it returns nil, no Get that starts afterwards returns a version older than that.
func (c *Cache[K, V]) Invalidate(ctx context.Context, keys ...K) error {
	if len(keys) == 0 {
		return nil
	}
	names, err := c.keys(keys)
	if err != nil {
		return err
	}
	return c.write(ctx, names, nil)
}

// Prime stores records that the caller has at hand, for instance to warm the cache up. It leaves alone what the
// cache knows already, also as absent, and what is being loaded or written; it waits for nothing, and returns
// nil for what it left. It cannot know when the records were read: one that is written meanwhile may be stored
// in its old version.
func (c *Cache[K, V]) Prime(ctx context.Context, records map[K]V) error {
	var (
		names []string
		loads []aside.Load
		errs  []error
		known = make(map[string]struct{}, len(records))
	)
	for k, v := range records {
		name, err := c.key(k)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		load := c.encode(k, v)
		if load.Err != nil {
			errs = append(errs, load.Err)
			continue
		}
		if _, ok := known[name]; !ok {
			known[name] = struct{}{}
			names = append(names, name)
			loads = append(loads, load)
		}
	}
	if len(names) > 0 {
		errs = append(errs, c.reader.Prime(ctx, names, loads))
	}
	return errors.Join(errs...)
}

// write has the strategy run write, which is nil if the write was made elsewhere, and sees to it that no failed
// invalidation is forgotten.
func (c *Cache[K, V]) write(ctx context.Context, names []string, write func(context.Context) error) (err error) {
	c.count.updates.Add(1)
	if c.cfg.Hooks.Update != nil {
		start := time.Now()
		err = errPanicked // unless it returns
		defer func() {
			c.cfg.Hooks.Update(ctx, UpdateInfo{Cache: c.cfg.Name, Keys: names, Duration: time.Since(start), Err: err})
		}()
	}
	if len(names) == 0 {
		return write(ctx)
	}
	return c.invalidating(ctx, names, write)
}

// errPanicked is what a hook is told of a write that did not return.
var errPanicked = errors.New("cachet: the write panicked")

func (c *Cache[K, V]) invalidating(ctx context.Context, names []string, write func(context.Context) error) error {
	w := writing{write: write}
	inv := &invalidator{store: c.store, written: write == nil}
	returned := false
	defer func() {
		if !returned { // write panicked, and what the strategy made of it is lost
			_ = c.retry.add(names, inv.tokens) // the panic is what the caller hears
		}
	}()
	failed, err := w.run(ctx, c.cfg.Strategy, inv, names)
	returned = true
	if inv.fence != nil && w.ran {
		c.count.fenceErrors.Add(1)
		c.report(ctx, &FenceError{Cache: c.cfg.Name, Err: inv.fence})
	}
	if len(failed) == 0 {
		return err
	}
	c.count.invalidationErrors.Add(1)
	ierr := &InvalidationError{Cache: c.cfg.Name, Keys: failed, Err: errors.Join(err, c.retry.add(failed, inv.tokens))}
	return errors.Join(w.cause(), ierr)
}

// retryNow invalidates names once more, lifts the fences of tokens, and returns the names for which it failed.
func (c *Cache[K, V]) retryNow(ctx context.Context, names []string, tokens []uint64) (failed []string) {
	defer func() {
		if p := recover(); p != nil { // of the strategy
			c.report(ctx, fmt.Errorf("cachet: cache %q: retry: %w", c.cfg.Name, raise(p)))
			failed = names
		}
	}()
	var w writing
	failed, _ = w.run(ctx, c.cfg.Strategy, &invalidator{store: c.store, written: true, tokens: tokens}, names)
	c.count.retried.Add(int64(len(names) - len(failed)))
	return failed
}
