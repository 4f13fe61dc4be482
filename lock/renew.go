package lock

import (
	"context"
	"errors"
	"time"
)

// renew is called by a timer at a third of the lease. A lock that is held for less costs no goroutine.
func (k *Lock) renew() {
	lease, ok := k.prepare()
	if !ok {
		return
	}
	sent := time.Now()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(k.ctx), k.expiry())
	err := k.tenure.renew(ctx, lease)
	cancel()
	if errors.Is(err, ErrLost) {
		k.lose()
		return
	}
	if k.extend(sent, lease, err) {
		k.cfg.emit(Renewed, k.key, k.since, err)
	}
}

// prepare sees to it that the holder is told at the end of the lease, even if nobody answers, and returns for
// how long the lease is to be renewed. It reports false if it is not to be.
func (k *Lock) prepare() (time.Duration, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != held {
		return 0, false
	}
	if k.end == nil {
		k.end = time.AfterFunc(time.Until(k.deadline), k.expire)
	}
	lease := k.cfg.lease(time.Since(k.since))
	return lease, k.ctx.Err() == nil && time.Now().Add(lease).After(k.deadline)
}

// extend takes note of a renewal, or of a failed attempt at one, and plans the next. It reports false if the lock is
// not held any more: a renewal never outlives Unlock.
func (k *Lock) extend(sent time.Time, lease time.Duration, err error) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.state != held {
		return false
	}
	if err != nil {
		k.renewal.Reset(lease / 10)
		return true
	}
	k.deadline = sent.Add(lease)
	k.end.Reset(time.Until(k.deadline))
	k.renewal.Reset(lease / 3)
	return true
}

// expire is called by a timer at the end of the lease, or of one that has been renewed since.
func (k *Lock) expire() {
	if !time.Now().Before(k.expiry()) {
		k.lose()
	}
}

// lose tells the holder that the lock is lost, and lets others in this process seek it.
func (k *Lock) lose() {
	k.mu.Lock()
	if k.state != held {
		k.mu.Unlock()
		return
	}
	k.state = lost
	k.stopLocked()
	k.mu.Unlock()
	k.cancel(ErrLost)
	k.cfg.emit(Lost, k.key, k.since, ErrLost)
	k.tenure.vacate()
}
