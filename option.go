package cachet

import "time"

// Option changes one Get or GetMany.
type Option struct {
	fresh    bool
	limited  bool
	maxStale time.Duration
}

// Fresh loads the record whatever the cache holds, by a load that is shared with nobody. It stores the result
// unless another load of the record is under way; a later Get may then return what that one read.
func Fresh() Option { return Option{fresh: true} }

// MaxStale limits for how long past its TTL a record may be served; Config.StaleTTL, if shorter, still holds.
// MaxStale(0), or less, accepts fresh records only. Freshness is judged by this machine's clock. Of several,
// the last one holds.
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
