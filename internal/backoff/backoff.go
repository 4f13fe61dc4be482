// Package backoff spaces out attempts.
package backoff

import (
	"math/rand/v2"
	"time"
)

// Policy is an exponential back-off with equal jitter: the n-th delay lies between half and all of First·2ⁿ,
// which never exceeds Most.
type Policy struct {
	First, Most time.Duration
}

// Delay returns how long to wait after the n-th attempt failed, n counting from 0.
func (p Policy) Delay(n int) time.Duration {
	d := p.Most
	if n < 32 && p.First<<n < p.Most && p.First<<n > 0 {
		d = p.First << n
	}
	if d < 2 {
		return d
	}
	return d/2 + rand.N(d/2) //nolint:gosec // jitter needs no secrecy
}
