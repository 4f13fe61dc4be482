package backoff_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/backoff"
)

func TestDelaysDoubleUpToTheMost(t *testing.T) {
	p := backoff.Policy{First: 10 * time.Millisecond, Most: time.Second}
	for n := range 1000 {
		full := p.Most
		if n < 10 {
			full = min(p.Most, 10*time.Millisecond<<n)
		}
		for range 20 {
			d := p.Delay(n)
			require.GreaterOrEqual(t, d, full/2, "attempt %d", n)
			require.LessOrEqual(t, d, full, "attempt %d", n)
		}
	}
}

// Clients that failed together do not come back together.
func TestDelaysAreSpread(t *testing.T) {
	p := backoff.Policy{First: time.Second, Most: time.Minute}
	var low, high int
	for range 1000 {
		switch d := p.Delay(0); {
		case d < 625*time.Millisecond:
			low++
		case d > 875*time.Millisecond:
			high++
		}
	}
	require.InDelta(t, 250, low, 85) // six standard deviations
	require.InDelta(t, 250, high, 85)
}

func TestDelayIsNeverAboveTheMost(t *testing.T) {
	for _, p := range []backoff.Policy{
		{},
		{First: 1, Most: 1},
		{First: time.Second},
		{First: time.Minute, Most: time.Second},
		{First: time.Second, Most: 24 * time.Hour},
		{First: 20 * time.Millisecond, Most: math.MaxInt64},
	} {
		for _, n := range []int{0, 1, 2, 30, 31, 32, 62, 63, 64, 65, math.MaxInt} {
			d := p.Delay(n)
			require.GreaterOrEqual(t, d, time.Duration(0), "%+v, %d", p, n)
			require.LessOrEqual(t, d, p.Most, "%+v, %d", p, n)
		}
	}
}
