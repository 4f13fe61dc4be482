package doubledelete

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// AdaptiveOptions configures an Adaptive. The zero value is usable.
type AdaptiveOptions struct {
	// Lag measures how far the replica that loaders read lags behind. It is called in the background, about once a
	// second while there are writes, and its context ends after a second. nil: no lag
	Lag func(context.Context) (time.Duration, error)
	// Min and Max bound the delay. 0: 100ms and 10s
	Min, Max time.Duration
}

// Adaptive measures the delay of a Strategy: how long all but one load in a hundred took lately, plus the lag of the
// replica. As long as it cannot tell, for it was not shown a load or Lag fails, the delay is Max. Its methods may be
// called concurrently.
type Adaptive struct {
	opts AdaptiveOptions

	mu sync.Mutex
	// Guarded by mu.
	loads     []time.Duration // the last ones
	next      int             // the oldest of them, once there are enough
	delay     time.Duration
	measured  time.Time // delay; zero: not yet
	measuring bool
	closed    bool
}

const (
	// window is how many loads the delay is measured from.
	window = 1000
	// A measurement is renewed after measureEvery, and not believed any more after measureLife.
	measureEvery = time.Second
	measureLife  = 5 * time.Second
	lagTimeout   = time.Second
)

// NewAdaptive returns an Adaptive for one Strategy, whose Close ends it.
func NewAdaptive(opts AdaptiveOptions) *Adaptive {
	if opts.Min == 0 {
		opts.Min = 100 * time.Millisecond
	}
	if opts.Max == 0 {
		opts.Max = 10 * time.Second
	}
	return &Adaptive{opts: opts}
}

func (a *Adaptive) validate() error {
	switch {
	case a.opts.Min < 0:
		return errors.New("doubledelete: AdaptiveOptions.Min is negative")
	case a.opts.Max < a.opts.Min:
		return errors.New("doubledelete: AdaptiveOptions.Max is below Min")
	}
	return nil
}

// Observe tells that a load took d. Call it in the loader, or in cachet.Hooks.Get for what was Loaded.
func (a *Adaptive) Observe(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.loads) < window {
		a.loads = append(a.loads, d)
		return
	}
	a.loads[a.next] = d
	a.next = (a.next + 1) % window
}

// Delay returns the delay for a write that is made now.
func (a *Adaptive) Delay() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	age := time.Since(a.measured)
	if age > measureEvery && !a.measuring && !a.closed {
		a.measuring = true
		go a.measure() // ends with lag, within a second
	}
	if age > measureLife {
		return a.opts.Max
	}
	return a.delay
}

func (a *Adaptive) measure() {
	lag, err := a.lag()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.measuring = false
	a.measured = time.Now()
	a.delay = a.opts.Max
	if err == nil && len(a.loads) > 0 {
		sorted := slices.Sorted(slices.Values(a.loads))
		p99 := sorted[(len(sorted)*99+99)/100-1]
		a.delay = min(max(p99+lag, a.opts.Min), a.opts.Max)
	}
}

// lag asks for the lag. A panic of the user's function is an error, for the goroutine has nobody to raise it in.
func (a *Adaptive) lag() (lag time.Duration, err error) {
	if a.opts.Lag == nil {
		return 0, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("doubledelete: AdaptiveOptions.Lag panicked: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), lagTimeout)
	defer cancel()
	return a.opts.Lag(ctx)
}

// close has no more measurements begin.
func (a *Adaptive) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
}
