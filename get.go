package cachet

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/cachet-go/cachet/aside"
)

// Get returns the record of key: a copy from the store, or loaded from the source. It returns ErrNotFound if
// there is no such record, the loader's error if it failed, and ctx's error if ctx ended first. The value is
// what the codec makes of it, also if it was loaded just now.
//
// Callers that miss the same key share one load, which goes on as long as one of them waits. Without a
// deadline, Get takes up to LoadTimeout for another process's load and as long again for its own. If the loader
// panics, so does Get, with a *PanicError.
func (c *Cache[K, V]) Get(ctx context.Context, key K, opts ...Option) (V, error) {
	var start time.Time
	if c.cfg.Hooks.Get != nil {
		start = time.Now()
	}
	name, err := c.key(key)
	if err != nil {
		var zero V
		return zero, err
	}
	v, how, err := c.get(ctx, key, name, c.merge(opts))
	if c.cfg.Hooks.Get != nil {
		c.observeGet(ctx, name, how, err, time.Since(start))
	}
	repanic(err)
	return v, err
}

func (c *Cache[K, V]) get(ctx context.Context, key K, name string, o Option) (v V, how Outcome, err error) {
	if o.fresh {
		c.count.misses.Add(1)
		if err := ctx.Err(); err != nil {
			return v, Failed, err
		}
		a := c.reader.Fresh(ctx, []string{name}, c.loader([]K{key}, false))[0]
		return c.conclude(ctx, key, name, a.Result, a.Err)
	}
	seen := c.reader.Lookup(ctx, name, o.maxStale)
	if seen.OK {
		if v, err = c.decode(name, seen.Result); decoded(err) {
			if seen.Refresh {
				c.reader.Refresh(ctx, []aside.Seen{seen}, c.loader([]K{key}, false))
			}
			if c.verifier != nil {
				c.verify(ctx, key, name, seen)
			}
			return v, c.hit(seen), err
		}
		c.reader.Spoil(&seen)
	}
	return c.miss(ctx, key, name, seen)
}

func (c *Cache[K, V]) miss(ctx context.Context, key K, name string, seen aside.Seen) (v V, how Outcome, err error) {
	c.count.misses.Add(1)
	if err := ctx.Err(); err != nil {
		return v, Failed, err
	}
	res, err := c.reader.Get(ctx, seen, c.loader([]K{key}, false))
	return c.conclude(ctx, key, name, res, err)
}

// conclude turns what a read came to into an answer. A record that was found stored and cannot be decoded is
// loaded past the store, once; whoever reads it next replaces it.
func (c *Cache[K, V]) conclude(
	ctx context.Context, key K, name string, res aside.Result, err error,
) (v V, how Outcome, _ error) {
	if err != nil {
		return v, Failed, err
	}
	v, err = c.decode(name, res)
	if !decoded(err) && !res.Stamp.IsZero() {
		res, err = c.reader.Unstored(ctx, name, c.loader([]K{key}, false))
		if err == nil {
			v, err = c.decode(name, res)
		}
	}
	if !decoded(err) {
		return v, Failed, err
	}
	return v, outcomes[res.Source], err
}

var outcomes = [...]Outcome{aside.Cached: Hit, aside.Loaded: Loaded, aside.Shared: Shared, aside.Found: Found}

// hit counts a look-up that answered.
func (c *Cache[K, V]) hit(seen aside.Seen) Outcome {
	c.count.hits.Add(1)
	if seen.Absent {
		c.count.absents.Add(1)
	}
	if seen.Stale {
		c.count.staleHits.Add(1)
		return Stale
	}
	return Hit
}

func (c *Cache[K, V]) observeGet(ctx context.Context, name string, how Outcome, err error, d time.Duration) {
	info := GetInfo{Cache: c.cfg.Name, Key: name, Outcome: how, Duration: d}
	switch {
	case how == Failed:
		info.Err = err
	case err != nil:
		info.Absent = true
	}
	c.cfg.Hooks.Get(ctx, info)
}

// raised is a panic of the loader on its way to the callers. It is a type of its own since a loader may return
// a PanicError, of another cache, as an error like any other.
type raised struct{ *PanicError }

func (r raised) Unwrap() error { return r.PanicError }

func raise(p any) error { return raised{&PanicError{Value: p, Stack: debug.Stack()}} }

// repanic panics with the loader's panic, if that is what err is.
func repanic(err error) {
	if err == nil || err == ErrNotFound { //nolint:errorlint // a short cut
		return
	}
	if r, ok := errors.AsType[raised](err); ok {
		panic(r.PanicError)
	}
}

// Entry is a record as the cache holds it.
type Entry[V any] struct {
	Value  V
	Absent bool // it is known that there is no such record
	Stale  bool // past its TTL
	// Age is the time since the lease for its load was granted. It is off by the difference between this
	// machine's clock and the store's.
	Age time.Duration
}

// Peek returns what the cache holds of key. It reports false if that is nothing to be served: missing, being
// loaded or written, or not decodable; a known absence is an Entry. It neither loads nor refreshes, and is not
// counted as a look-up. It returns the store's error if that cannot be asked.
func (c *Cache[K, V]) Peek(ctx context.Context, key K) (Entry[V], bool, error) {
	var e Entry[V]
	name, err := c.key(key)
	if err != nil {
		return e, false, err
	}
	res, born, ok, err := c.reader.Peek(ctx, name)
	if err != nil || !ok {
		return e, false, err
	}
	v, err := c.decode(name, res)
	if !decoded(err) {
		return e, false, nil
	}
	return Entry[V]{Value: v, Absent: res.Absent, Stale: res.Stale, Age: max(time.Since(born), 0)}, true, nil
}
