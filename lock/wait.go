package lock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Wait returns nil when the lock of key is free, or when whoever holds it at the time of the call does so no more. It
// does not take the lock. It is for those who want what its holder makes: if [Locker.TryLock] says [ErrHeld], Wait,
// and read. However many wait, they are told by one message.
//
// It returns ctx.Err() if ctx ends first, [ErrClosed] after Close, or else the client's error.
func (l *Locker) Wait(ctx context.Context, key string) error { return l.wait(ctx, l.cfg, key) }

func (l *Locker) wait(ctx context.Context, cfg config, key string) error {
	name, err := cfg.name(key)
	if err != nil {
		return err
	}
	w := &watcher{done: make(chan error, 1)}
	if err := l.watch(name, w); err != nil {
		return err
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
		l.unwatch(name, w)
		return ctx.Err()
	}
}

// vigil is what one process does for all who Wait for a key.
type vigil struct {
	locker *Locker
	name   string
	alarm  *alarm

	// Guarded by locker.mu.
	watchers []*watcher
}

// watcher is one Wait.
type watcher struct {
	done chan error // of capacity 1

	// Guarded by locker.mu.
	asked bool  // Redis was asked after it came
	seen  int64 // the fence of the holder it waits for; 0 until Redis has answered
}

func (l *Locker) watch(name string, w *watcher) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	v := l.vigils[name]
	if v == nil {
		v = &vigil{locker: l, name: name, alarm: newAlarm()}
		l.vigils[name] = v
		l.work.Go(v.keep)
	} else {
		v.alarm.set(0)
	}
	v.watchers = append(v.watchers, w)
	return nil
}

func (l *Locker) unwatch(name string, w *watcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if v := l.vigils[name]; v != nil {
		v.watchers = slices.DeleteFunc(v.watchers, func(o *watcher) bool { return o == w })
		if len(v.watchers) == 0 {
			v.alarm.set(0)
		}
	}
}

// finishLocked tells those of whom which is true.
func (v *vigil) finishLocked(which func(*watcher) bool, err error) {
	v.watchers = slices.DeleteFunc(v.watchers, func(w *watcher) bool {
		if !which(w) {
			return false
		}
		w.done <- err
		return true
	})
}

// keep looks, and sleeps, until nobody waits any more.
func (v *vigil) keep() {
	l := v.locker
	ear := l.hub.attach(v.name, v.hear, true)
	defer l.hub.detach(v.name, ear)
	for {
		if !v.ask() {
			return
		}
		fence, left, err := v.look()
		v.note(fence, err)
		if fence != 0 && err == nil {
			v.alarm.sleep(min(left, nap) + rand.N(spread)) //nolint:gosec // no secret
		}
	}
}

// ask marks those for whom the next look is. It reports false if there is nobody and the vigil is over.
func (v *vigil) ask() bool {
	v.locker.mu.Lock()
	defer v.locker.mu.Unlock()
	for _, w := range v.watchers {
		w.asked = true
	}
	if len(v.watchers) == 0 {
		delete(v.locker.vigils, v.name)
	}
	return len(v.watchers) > 0
}

// look returns the fence of who holds the lock, or 0.
func (v *vigil) look() (fence int64, left time.Duration, err error) {
	reply, err := lookScript.exec(context.Background(), v.locker.rdb, []string{v.name})
	if err != nil || reply == int64(0) {
		return 0, 0, err
	}
	pair, ok := reply.([]any)
	if !ok || len(pair) != 2 {
		return 0, 0, fmt.Errorf("lock: unexpected reply %v", reply)
	}
	text, _ := pair[0].(string)
	n, _ := pair[1].(int64)
	if fence, err = strconv.ParseInt(text, 10, 64); err != nil {
		return 0, 0, err
	}
	if left = time.Duration(n) * time.Millisecond; left < 0 { // no lease: somebody else's key
		left = nap
	}
	return fence, left, nil
}

// note tells those who asked what was found.
func (v *vigil) note(fence int64, err error) {
	v.locker.mu.Lock()
	defer v.locker.mu.Unlock()
	v.finishLocked(func(w *watcher) bool {
		if !w.asked {
			return false
		}
		if w.seen == 0 {
			w.seen = fence
		}
		return err != nil || fence == 0 || fence > w.seen
	}, err)
}

// hear is told of messages.
func (v *vigil) hear(m message) {
	if m.fence == 0 {
		v.alarm.set(0)
		return
	}
	v.locker.mu.Lock()
	defer v.locker.mu.Unlock()
	v.finishLocked(func(w *watcher) bool { return w.seen != 0 && w.seen <= m.fence }, nil)
	v.alarm.set(0) // for those that are left
}
