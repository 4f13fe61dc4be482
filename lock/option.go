package lock

import (
	"crypto/sha256"
	"time"
)

// Option changes how a lock is taken and kept. Options given to [New] or [Over] are the defaults of its
// calls.
type Option func(*config)

type config struct {
	ttl         time.Duration
	maxHold     time.Duration
	minHold     time.Duration
	replicas    int
	replication time.Duration
	fingerprint []byte
	observe     func(Event)
	prefix      string
}

const defaultTTL = 10 * time.Second

func defaults() config { return config{ttl: defaultTTL, prefix: "lock:"} }

func (c config) with(opts []Option) config {
	for _, opt := range opts {
		opt(&c)
	}
	return c
}

// lease is how long the lease is to last from now on, of a lock that has been held for so long. It is not positive
// when the lock must not be held any longer.
func (c config) lease(held time.Duration) time.Duration {
	d := c.ttl
	if c.maxHold > 0 {
		d = min(d, c.maxHold-held)
	}
	return max(d, c.minHold-held)
}

// TTL sets the lease: how long a lock outlives a holder that has died. It is renewed every third of it.
// Zero or less: 10 s.
func TTL(d time.Duration) Option {
	return func(c *config) {
		if d <= 0 {
			d = defaultTTL
		}
		c.ttl = d
	}
}

// MaxHold bounds how long a lock is held: it is lost, with [ErrLost], that long after it was taken. It keeps work that
// hangs from holding a lock for ever. Zero or less: no bound.
func MaxHold(d time.Duration) Option { return func(c *config) { c.maxHold = d } }

// MinHold keeps others out until that long after the lock was taken, even if it is unlocked before or its holder dies.
// A job that takes less time than the clocks of its hosts differ by then runs once per tick. Zero or less: off.
func MinHold(d time.Duration) Option { return func(c *config) { c.minHold = d } }

// Replicas makes taking a lock wait, in the same round trip, until n replicas have it, for at most timeout, which
// must be less than the client's ReadTimeout. If fewer do, the lock is given back and an error returned. It narrows
// the window in which a failover loses a lock, at the price of a lock that cannot be taken while replicas are down;
// it does not close it, as any replica may be promoted. Zero: off.
func Replicas(n int, timeout time.Duration) Option {
	return func(c *config) { c.replicas, c.replication = n, timeout }
}

// Fingerprint stands for what a call of [Once] was asked to do, such as the body of a request. If a result was
// recorded under another fingerprint, Once returns [ErrMismatch]. It is compared only where both calls had one.
func Fingerprint(b []byte) Option {
	sum := sha256.Sum256(b)
	return func(c *config) { c.fingerprint = sum[:] }
}

// Observe calls f with what happens to locks, synchronously and concurrently. f must not block. Nil: nobody is told.
func Observe(f func(Event)) Option { return func(c *config) { c.observe = f } }

// Prefix is what all keys begin with, in Redis or another service. Default: "lock:".
func Prefix(s string) Option { return func(c *config) { c.prefix = s } }
