package cachet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"github.com/cachet-go/cachet/aside"
)

// Verify has a share of the hits compared with the source, off the callers' path: the proof, in production, that the
// cache is as true as it should be, and the alarm if a writer goes past it. The zero Verify compares nothing and costs
// a hit nothing.
//
// A hit that differs from what the source returns is looked at again after Within. If the same copy is still stored
// then, and the source still differs, it is inconsistent: told to Hooks.Inconsistent and counted. If it has been
// replaced or removed, or the source agrees, a write was under way, which Stats counts as superseded. Nothing is
// repaired. The method is that of Polaris, of "Cache made consistent", Meta 2022.
//
// The load for a comparison is shared with nobody, stored nowhere and not among Stats.Loads. It calls Load, or LoadMany
// for one key, with the values of the caller's context, for up to LoadTimeout.
//
// It finds copies that are not what the source has: that of a writer that does not invalidate, a lost invalidation, a
// replica that lags for longer than Within. It does not find a Get that returned an old value of a record which was
// replaced within that time.
type Verify struct {
	// Rate is the share of hits that is compared, from 0 to 1. 0: none.
	Rate float64
	// Within is for how long a copy may differ. It must be longer than an invalidation takes, with
	// aside.Strategy.ReplicaLag or the delay of a doubledelete.Strategy if there is one. Default 10s.
	Within time.Duration
	// PerSecond bounds the comparisons that begin in a second. Default 10.
	PerSecond int
	// MaxLoads bounds the concurrent loads for comparisons, besides Config.MaxLoads. One that ignores its context counts
	// until it returns. Default 2.
	MaxLoads int
}

// InconsistentInfo describes a copy that differed from the source for longer than Verify.Within. It has no values, so
// that it may be logged.
type InconsistentInfo struct {
	Cache string
	Key   string // as it stands in the store
	// Age is the time since the lease for the copy's load was granted. It is off by the difference between this
	// machine's clock and the store's.
	Age time.Duration
	// Differed is the time between the first comparison and the last. The copy may have differed for longer, by Age at
	// most.
	Differed time.Duration
	// CachedAbsent and SourceAbsent tell which of the two says that there is no such record.
	CachedAbsent, SourceAbsent bool
}

func (v *Verify) setDefaults() {
	v.Within = defaultTo(v.Within, 10*time.Second)
	v.PerSecond = defaultTo(v.PerSecond, 10)
	v.MaxLoads = defaultTo(v.MaxLoads, 2)
}

// check names the first field that makes no sense.
func (v *Verify) check() error {
	refuse := func(field, why string) error { return fmt.Errorf("cachet: Config.Verify.%s %s", field, why) }
	switch {
	case !(v.Rate >= 0 && v.Rate <= 1):
		return refuse("Rate", "is no number from 0 to 1")
	case v.Within < 0:
		return refuse("Within", "is negative")
	case v.PerSecond < 0:
		return refuse("PerSecond", "is negative")
	case v.MaxLoads < 0:
		return refuse("MaxLoads", "is negative")
	}
	return nil
}

// verify may have a hit compared.
func (c *Cache[K, V]) verify(ctx context.Context, key K, name string, seen aside.Seen) {
	if !c.verifier.chosen() || !c.verifier.admit(seen.Stale) {
		return
	}
	load := c.loader([]K{key}, false).Load
	go c.verifier.run(context.WithoutCancel(ctx), comparison{
		key:    name,
		served: seen.Result,
		load:   func(ctx context.Context) aside.Load { return load(ctx, []int{0})[0] },
		same:   func(l aside.Load) (bool, error) { return c.same(name, seen.Result, l) },
	})
}

// same reports whether a copy and a load are the same record to a caller. Payloads may differ and yet be, since a codec
// may write the entries of a map in any order.
func (c *Cache[K, V]) same(name string, served aside.Result, l aside.Load) (same bool, err error) {
	if served.Absent || l.Absent {
		return served.Absent == l.Absent, nil
	}
	if bytes.Equal(served.Payload, l.Payload) {
		return true, nil
	}
	defer func() {
		if p := recover(); p != nil { // of Config.Equal
			err = raise(p)
		}
	}()
	cached, err := c.decode(name, served)
	if err != nil {
		return false, err
	}
	source, err := c.decode(name, aside.Result{Payload: l.Payload})
	if err != nil {
		return false, err
	}
	if c.cfg.Equal != nil {
		return c.cfg.Equal(cached, source), nil
	}
	return reflect.DeepEqual(cached, source), nil
}

// inconsistent tells what a verifier has found.
func (c *Cache[K, V]) inconsistent(ctx context.Context, info InconsistentInfo) {
	info.Cache = c.cfg.Name
	if c.cfg.Hooks.Inconsistent != nil {
		c.cfg.Hooks.Inconsistent(ctx, info)
		return
	}
	c.report(ctx, &InconsistencyError{info})
}

// InconsistencyError is reported to Hooks.Error for each find of Verify if Hooks.Inconsistent is nil.
type InconsistencyError struct{ InconsistentInfo }

func (e *InconsistencyError) Error() string {
	return fmt.Sprintf("cachet: cache %q: key %s: the copy, of %v ago, has differed from the source for %v",
		e.Cache, e.Key, e.Age.Round(time.Millisecond), e.Differed.Round(time.Millisecond))
}

// unverified tells of a comparison that panicked. Other errors of the source its callers hear of.
func (c *Cache[K, V]) unverified(ctx context.Context, key string, err error) {
	if r, ok := errors.AsType[raised](err); ok {
		c.report(ctx, fmt.Errorf("cachet: cache %q: key %s: verify: %w", c.cfg.Name, key, r.PanicError))
	}
}

// ConsistentRatio returns the share of compared hits that agreed with the source within Verify.Within, or 0 if none was
// compared.
func (s Stats) ConsistentRatio() float64 { return ratio(s.Verified-s.Inconsistent, s.Verified) }

// Nines returns how many nines of the hits agree with the source within Verify.Within, as far as the compared ones
// prove it with a confidence of 95 %: 3.0 is 99.9 %. So 10,000 comparisons without a find are 3.5 nines, and with one
// find 3.3; more nines take more comparisons. It is 0 if nothing was compared.
func (s Stats) Nines() float64 {
	if s.Verified == 0 {
		return 0
	}
	// The upper limit of a Poisson count, by Byar's approximation.
	n := float64(s.Inconsistent + 1)
	most := n * math.Pow(1-1/(9*n)+1.6449/(3*math.Sqrt(n)), 3)
	return max(0, -math.Log10(most/float64(s.Verified)))
}
