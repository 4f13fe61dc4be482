package cachet

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/codec"
	"github.com/cachet-go/cachet/store"
)

// Config says what a Cache keeps and how it comes by it. A zero field has the default that its comment gives. A
// negative Jitter or NotFoundTTL turns the thing off; New refuses other negative values. The functions are
// called concurrently.
type Config[K comparable, V any] struct {
	// Name sets the keys of this cache apart from those of others in the same store. Required. A record is
	// stored under Name + ":" + key, in which the characters % : { } of Name are percent-escaped: DEL that to
	// invalidate from elsewhere. Nothing else may be kept under these keys, it would be overwritten. Caches of
	// one name and store share their records, and must agree in V, Key and Strategy: change the name when V
	// changes in a way that the codec does not notice.
	Name string

	// Load reads one record from the source. It returns ErrNotFound, or an error for which NotFound reports
	// true, if there is none; a nil V with a nil error is a record. It must read committed data, in a read that
	// begins after it was called. Load or LoadMany is required; with both, Get uses this one.
	//
	// Its context has the values of one of the callers that share its result, so the result must not depend on
	// them. It ends after LoadTimeout, or when every caller has left. A loader must not Get, from the same
	// cache, the key that it loads: it would wait for itself.
	Load func(ctx context.Context, key K) (V, error)
	// LoadMany reads many records at once. Records that do not exist are not in the map. Records that come
	// together with an error are good; the error is that of the others.
	LoadMany func(ctx context.Context, keys []K) (map[K]V, error)
	// LoadTimeout bounds one load, with the wait for a slot, and the time for which anybody waits for
	// another's. Default 5s.
	LoadTimeout time.Duration
	// MaxLoads bounds the concurrent calls of Load and LoadMany by this cache in this process. One that ignores
	// its context counts until LoadTimeout. Default 64.
	MaxLoads int

	// Key turns a key into a string, different for different keys. Default: the text of strings and integers,
	// and MarshalText of encoding.TextMarshaler. Other types need a function.
	Key func(K) string
	// Codec turns values into bytes. Default codec.MsgPack. Changing it makes what is stored a miss.
	Codec codec.Codec

	// TTL is how long a record is kept, counted from before it was loaded. Default 5m.
	TTL time.Duration
	// TTLFor gives single records another TTL; 0 means TTL, and less that the record is not stored.
	TTLFor func(K, V) time.Duration
	// Jitter is the share of itself by which a TTL is shortened at most, at random, so that records stored
	// together do not expire together. Default 0.1, at most 1. Negative: off.
	Jitter float64
	// StaleTTL is for how long past its TTL a record may be served, while it is refreshed in the background and
	// while the source fails. What has been invalidated is never served, nor is a known absence past its TTL.
	// Default 0: off.
	StaleTTL time.Duration
	// EarlyRefresh refreshes records in the background before they expire, by one process at a time. It is the
	// beta of XFetch: 1 is a good value, larger ones refresh earlier. Default 0: off.
	EarlyRefresh float64
	// NotFoundTTL is how long it is remembered that a record does not exist. Default 30s. Negative: off.
	NotFoundTTL time.Duration
	// NotFound tells, besides errors.Is(err, ErrNotFound), which errors of the loaders mean that there is no
	// such record. Callers get ErrNotFound in their place. Default: errors.Is(err, sql.ErrNoRows).
	NotFound func(error) bool
	// MaxValueSize bounds an encoded value, in bytes. A larger one is returned to the caller, not stored, and
	// reported to Hooks.Error. Default 1 MiB.
	MaxValueSize int

	// Strategy surrounds a write with invalidations. Default aside.Strategy{}: write, then delete.
	Strategy Strategy
	// Spool keeps failed invalidations until they succeed, or no copy can be left, also if the process dies in
	// between: the next cache of this name that has the spool goes on with them. It is the caller's to close,
	// after the cache. Default: in memory only.
	Spool Spool
	// Verify compares hits with the source, off the callers' path. Default: none.
	Verify Verify
	// Equal tells Verify whether two values are those of one record. Both have been through the codec. Default:
	// reflect.DeepEqual, for which a NaN is unlike itself.
	Equal func(cached, source V) bool
	// Hooks observe the cache. Default: errors that no method can return go to slog.Default.
	Hooks Hooks
}

// Strategy decides how a write and the invalidations around it are ordered. Package aside has the default one.
type Strategy interface {
	// Write runs write exactly once and invalidates keys, also if write returns an error or panics. It returns
	// nil only if write succeeded and the keys are invalidated. An error of write alone is returned as it is.
	// If the invalidation failed, Write returns that error, joined with the one of write. A *store.KeysError in
	// it names the keys that failed; without one, all did. The cache gives these to Write again later, with a
	// write that does nothing.
	//
	// The methods of inv do not end with ctx, except for Fence, and have a time limit of their own. Invalidate may
	// also be called after Write has returned. A Strategy with a method Close(context.Context) error is closed with
	// its cache, one with Validate() error is asked by New.
	Write(ctx context.Context, inv store.Invalidator, keys []string, write func(context.Context) error) error
}

// ErrNotFound is returned by Get for a record that does not exist. Loaders return it to say so.
var ErrNotFound = errors.New("cachet: not found")

func (c *Config[K, V]) setDefaults() {
	c.LoadTimeout = defaultTo(c.LoadTimeout, 5*time.Second)
	c.MaxLoads = defaultTo(c.MaxLoads, 64)
	c.TTL = defaultTo(c.TTL, 5*time.Minute)
	c.NotFoundTTL = defaultTo(c.NotFoundTTL, 30*time.Second)
	c.MaxValueSize = defaultTo(c.MaxValueSize, 1<<20)
	c.Verify.setDefaults()
	c.Jitter = max(defaultTo(c.Jitter, 0.1), 0)
	if c.Codec == nil {
		c.Codec = codec.MsgPack
	}
	if c.Strategy == nil {
		c.Strategy = aside.Strategy{}
	}
	if c.NotFound == nil {
		c.NotFound = func(err error) bool { return errors.Is(err, sql.ErrNoRows) }
	}
}

func defaultTo[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// check names the first field that makes no sense. Defaults have been set.
func (c *Config[K, V]) check() error {
	refuse := func(field, why string) error { return fmt.Errorf("cachet: Config.%s %s", field, why) }
	switch {
	case c.Name == "":
		return refuse("Name", "is required")
	case c.Load == nil && c.LoadMany == nil:
		return refuse("Load", "or Config.LoadMany is required")
	case c.LoadTimeout < 0:
		return refuse("LoadTimeout", "is negative")
	case c.MaxLoads < 0:
		return refuse("MaxLoads", "is negative")
	case c.TTL < 0:
		return refuse("TTL", "is negative")
	case !(c.Jitter <= 1):
		return refuse("Jitter", "is no number up to 1")
	case c.StaleTTL < 0:
		return refuse("StaleTTL", "is negative")
	case !(c.EarlyRefresh >= 0):
		return refuse("EarlyRefresh", "is no number from 0 up")
	case c.MaxValueSize < 0:
		return refuse("MaxValueSize", "is negative")
	case c.Codec.Name() == "":
		return refuse("Codec", "has no name")
	}
	if err := c.Verify.check(); err != nil {
		return err
	}
	if s, ok := c.Strategy.(interface{ Validate() error }); ok {
		if err := s.Validate(); err != nil {
			return fmt.Errorf("cachet: Config.Strategy: %w", err)
		}
	}
	return nil
}
