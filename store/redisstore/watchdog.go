package redisstore

import (
	"sync/atomic"
	"time"
)

// silence is how long nobody gets an answer before the watchdog barks.
const silence = 50 * time.Millisecond

// watchdog notices that operations are under way and none of them ends. The client would tell in the end, but it
// dials five times before it says that nobody listens, while readers with a deadline fail. An operation costs a few
// atomic loads.
type watchdog struct {
	busy func() bool // reports whether operations are under way
	bark func()

	awake    atomic.Bool // somebody looks again within silence
	answered atomic.Bool // since it last looked
	alive    atomic.Bool // answered since it was last put in doubt
}

// wake is called when an operation begins.
func (w *watchdog) wake() {
	if !w.awake.Load() && w.awake.CompareAndSwap(false, true) {
		time.AfterFunc(silence, w.look)
	}
}

// calm is called when an operation is answered.
func (w *watchdog) calm() {
	if !w.answered.Load() {
		w.answered.Store(true)
	}
	if !w.alive.Load() {
		w.alive.Store(true)
	}
}

func (w *watchdog) look() {
	if !w.busy() {
		w.awake.Store(false)
		if w.busy() { // began in between, and found it awake
			w.wake()
		}
		return
	}
	if !w.answered.Swap(false) {
		w.bark()
	}
	time.AfterFunc(silence, w.look)
}
