package cachet

import "time"

// Option changes one Get or GetMany.
type Option struct {
	fresh    bool
	limited  bool
	maxStale time.Duration
}

// Fresh loads the record whatever the cache holds, and stores it if no other load of it is under way. It never
// joins a load that began before it.
func Fresh() Option { return Option{fresh: true} }

// MaxStale limits for how long past its TTL a record may be served; Config.StaleTTL, if shorter, still holds.
// With 0 only fresh records are.
func MaxStale(d time.Duration) Option { return Option{limited: true, maxStale: d} }

// merge folds options into one. The last of a kind wins.
func (c *Cache[K, V]) merge(opts []Option) Option {
	o := Option{maxStale: c.cfg.StaleTTL}
	for _, opt := range opts {
		o.fresh = o.fresh || opt.fresh
		if opt.limited {
			o.maxStale = max(opt.maxStale, 0)
		}
	}
	return o
}
