package lock

import (
	"sync"
	"time"
)

// alarm tells one sleeper when to get up at the latest. What is set while it does not sleep is kept for when it does.
type alarm struct {
	mu sync.Mutex
	c  chan time.Duration // of capacity 1; filled with mu held
}

func newAlarm() *alarm { return &alarm{c: make(chan time.Duration, 1)} }

// set says that the sleeper is to get up in d, if it is not to do so earlier.
func (a *alarm) set(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case old := <-a.c:
		d = min(d, old)
	default:
	}
	a.c <- d
}

// sleep returns after most, or earlier as the alarm says. Each time it is set puts off the time before.
func (a *alarm) sleep(most time.Duration) {
	end := time.Now().Add(most)
	timer := time.NewTimer(most)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return
		case d := <-a.c:
			if d <= 0 {
				return
			}
			timer.Reset(min(d, time.Until(end)))
		}
	}
}
