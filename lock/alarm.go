package lock

import (
	"sync"
	"time"
)

// alarm tells one sleeper when to get up at the latest. What is set while it does not sleep is kept for when it does,
// except while it gets up: whoever has slept looks again.
// To put the time off wakes nobody: of those who hear that a lock was let go of, most are not the next.
type alarm struct {
	up chan struct{} // of capacity 1: get up now

	mu sync.Mutex
	// Guarded by mu.
	timer *time.Timer // nil while nobody sleeps
	end   time.Time   // of the sleep, whatever is set
	kept  time.Time   // what was set while nobody slept; zero: nothing
}

func newAlarm() *alarm { return &alarm{up: make(chan struct{}, 1)} }

// set says that the sleeper is to get up in d. While it sleeps each time puts off the one before, unless that was to
// get up at once; before it sleeps the earliest counts.
func (a *alarm) set(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch at := time.Now().Add(d); {
	case a.timer == nil:
		if a.kept.IsZero() || at.Before(a.kept) {
			a.kept = at
		}
	case d <= 0:
		select {
		case a.up <- struct{}{}:
		default:
		}
	default:
		a.timer.Reset(min(d, time.Until(a.end)))
	}
}

// sleep returns after most, or earlier as the alarm says.
func (a *alarm) sleep(most time.Duration) {
	a.mu.Lock()
	a.end = time.Now().Add(most)
	if !a.kept.IsZero() {
		most = min(most, time.Until(a.kept))
		a.kept = time.Time{}
		if most <= 0 {
			a.mu.Unlock()
			return
		}
	}
	timer := time.NewTimer(most)
	a.timer = timer
	a.mu.Unlock()
	select {
	case <-timer.C:
	case <-a.up:
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	timer.Stop()
	a.timer = nil
	select {
	case <-a.up: // while it got up
	default:
	}
}
