package aside

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet/store"
)

// ttls are the lifetimes of one fill.
type ttls struct {
	keep  time.Duration // in the store
	fresh time.Duration // 0: as long as it is kept
}

// lifetimes turns a wanted TTL into that of a fill. It is the one place where TTL arithmetic is done: jitter
// shortens the time for which a value is fresh by up to its share, so that what was stored together does not
// expire together, and the time for which it may be served stale follows. A known absence is never stale.
func (c *Config) lifetimes(ttl time.Duration, absent bool) ttls {
	if ttl <= 0 {
		return ttls{}
	}
	if spread := time.Duration(float64(ttl) * c.Jitter); spread > 0 {
		ttl -= rand.N(spread) //nolint:gosec // jitter needs no secrecy
	}
	if absent || c.StaleTTL == 0 && c.EarlyRefresh == 0 {
		return ttls{keep: ttl}
	}
	return ttls{keep: saturate(ttl, c.StaleTTL), fresh: ttl}
}

func saturate(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// pastFresh returns for how long rec has not been fresh any more; it is negative while it is fresh.
func pastFresh(rec *store.Record, now time.Time) time.Duration {
	return now.Sub(time.UnixMilli(rec.Born)) - rec.FreshFor
}

// claimed reports whether somebody refreshes rec already, or tried not long ago.
func claimed(rec *store.Record, now time.Time) bool {
	return rec.Claimed > 0 && now.Sub(time.UnixMicro(rec.Stamp.Granted)) < rec.Claimed
}

// early decides by lot whether a fresh value should be refreshed before it expires, the more likely the nearer
// that is and the longer the load takes. It is the XFetch of Vattani, Chierichetti and Lowenstein, "Optimal
// Probabilistic Cache Stampede Prevention", VLDB 2015.
func early(rec *store.Record, past time.Duration, beta float64) bool {
	gap := -float64(rec.LoadCost) * beta * math.Log(1-rand.Float64()) //nolint:gosec // a lottery without prizes
	return gap >= float64(-past)
}
