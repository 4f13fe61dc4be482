package cachet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/store"
)

// Cache keeps copies of records of type V, named by keys of type K. Make one with New and share it; its methods
// may be called concurrently. Values that it returns belong to the caller.
type Cache[K comparable, V any] struct {
	cfg    Config[K, V]
	prefix string
	text   func(K) (string, error)
	reader *aside.Reader
	store  store.Invalidator
	retry  *retrier
	count  counters

	verifier *verifier // nil: nothing is verified

	stopAdvice func(context.Context) // nil: none was asked for

	closing sync.Once
	closed  error // guarded by closing
}

// New returns a cache whose records live in st. Its error names the field of cfg that it refuses, or is that of
// st.Check(), where st has such a method: what the store was made of is not fit for a cache. Close the cache when it
// is done with; the store is the caller's.
func New[K comparable, V any](st store.Store, cfg Config[K, V]) (*Cache[K, V], error) {
	if st == nil {
		return nil, errors.New("cachet: New: no store")
	}
	if s, ok := st.(interface{ Check() error }); ok {
		if err := s.Check(); err != nil {
			return nil, fmt.Errorf("cachet: New: %w", err)
		}
	}
	cfg.setDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	c := &Cache[K, V]{cfg: cfg, prefix: invalidation.Prefix(cfg.Name), store: st}
	if cfg.Key != nil {
		c.text = func(k K) (string, error) { return cfg.Key(k), nil }
	} else {
		text, err := keyFunc[K]()
		if err != nil {
			return nil, err
		}
		c.text = text
	}
	c.reader = aside.NewReader(aside.Config{
		Store:        st,
		Codec:        cfg.Codec.Name(),
		LoadTimeout:  cfg.LoadTimeout,
		MaxLoads:     cfg.MaxLoads,
		Jitter:       cfg.Jitter,
		StaleTTL:     cfg.StaleTTL,
		EarlyRefresh: cfg.EarlyRefresh,
		MaxValueSize: cfg.MaxValueSize,
		Report:       c.report,
	})
	c.retry = newRetrier(c.retryNow, c.life(), cfg.Spool)
	c.retry.resume(c.prefix)
	if cfg.Verify.Rate > 0 {
		c.verifier = newVerifier(cfg.Verify, cfg.LoadTimeout)
		c.verifier.peek, c.verifier.tell, c.verifier.failed = c.reader.Peek, c.inconsistent, c.unverified
	}
	c.advise(st)
	return c, nil
}

// Must returns c, or panics with err if there is one. It is for caches that are package variables.
func Must[K comparable, V any](c *Cache[K, V], err error) *Cache[K, V] {
	if err != nil {
		panic(err)
	}
	return c
}

// key returns the key of the store for k.
func (c *Cache[K, V]) key(k K) (string, error) {
	text, err := c.text(k)
	if err != nil {
		return "", fmt.Errorf("cachet: cache %q: key: %w", c.cfg.Name, err)
	}
	return c.prefix + text, nil
}

// keys returns the keys of the store for ks, each once.
func (c *Cache[K, V]) keys(ks []K) ([]string, error) {
	keys := make([]string, 0, len(ks))
	known := make(map[string]struct{}, len(ks))
	for _, k := range ks {
		key, err := c.key(k)
		if err != nil {
			return nil, err
		}
		if _, ok := known[key]; !ok {
			known[key] = struct{}{}
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Event returns an event that says that the records of keys have changed, for a queue or an outbox. Keys that
// have no text are left out, as nothing can be stored under them.
func (c *Cache[K, V]) Event(keys ...K) invalidation.Event {
	var names []string
	for _, k := range keys {
		if name, err := c.key(k); err == nil {
			names = append(names, name)
		}
	}
	return invalidation.NewEvent(c.cfg.Name, names...)
}

// life is how long a copy that exists now can be alive, in any process. TTLFor may have said anything.
func (c *Cache[K, V]) life() time.Duration {
	if c.cfg.TTLFor != nil {
		return maxLife
	}
	life := maxLife
	for _, part := range []time.Duration{max(c.cfg.TTL, c.cfg.NotFoundTTL), c.cfg.StaleTTL, c.cfg.LoadTimeout} {
		life -= min(part, life)
	}
	return maxLife - life
}

// closeTimeout is how long Close waits for invalidations that could not be delivered yet.
const closeTimeout = 30 * time.Second

// Close ends background refreshes and comparisons, waits up to 30 s for invalidations that are yet to be delivered,
// and closes the strategy. Those that are not by then are in the *InvalidationError that it returns, which wraps
// ErrDeferred if Config.Spool has them all. A second Close does nothing and returns the same. Get and Update still
// work on a closed cache, without refreshing, comparing and retrying.
func (c *Cache[K, V]) Close() error {
	c.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		c.reader.Close(ctx)
		if c.verifier != nil {
			c.verifier.close(ctx)
		}
		if c.stopAdvice != nil {
			c.stopAdvice(ctx)
		}
		var errs []error
		if left, deferred := c.retry.close(ctx); len(left) > 0 {
			errs = append(errs, &InvalidationError{Cache: c.cfg.Name, Keys: left, Err: errors.Join(ErrClosed, deferred)})
		}
		// The strategy last: retries are writes to it.
		if s, ok := c.cfg.Strategy.(interface{ Close(context.Context) error }); ok {
			errs = append(errs, s.Close(ctx))
		}
		c.closed = errors.Join(errs...)
	})
	return c.closed
}
