package cachet

import "fmt"

// Spool keeps the keys of failed invalidations where they survive the process. Package spool has one on disk. Its
// methods are called concurrently. Caches may share one.
type Spool interface {
	// Put returns nil once keys are safe, and the number under which they are: a later one is higher.
	Put(keys ...string) (id uint64, err error)
	// Done tells that keys need not be kept any more, unless they were put in under a higher number.
	Done(id uint64, keys ...string)
	// Pending returns the keys with a prefix that are kept, and the highest number of each.
	Pending(prefix string) map[string]uint64
}

// resume queues what an earlier process has left in the spool, each for the life of a copy from now on: for how long it
// was down is not known, as clocks may have been set.
func (r *retrier) resume(prefix string) {
	if r.spool == nil {
		return
	}
	left := r.spool.Pending(prefix)
	if len(left) == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, id := range left {
		r.waiting[key] = &retry{until: r.end(), id: id}
	}
	r.startLocked()
}

// put has the spool keep what was queued.
func (r *retrier) put(queued map[string]*retry) error {
	keys := make([]string, 0, len(queued))
	for key := range queued {
		keys = append(keys, key)
	}
	id, err := r.spool.Put(keys...)
	if err != nil {
		return fmt.Errorf("cachet: not in the spool: %w", err)
	}
	var done []string
	r.mu.Lock()
	for key := range queued {
		switch now, ok := r.waiting[key]; {
		case ok: // whoever it is that waits now, it needs what is in the spool
			now.id = max(now.id, id)
		case !r.over:
			done = append(done, key) // the retry was faster
		}
	}
	r.mu.Unlock()
	r.done(map[uint64][]string{id: done})
	return nil
}

// done has the spool forget keys that wait no more, by their numbers.
func (r *retrier) done(ids map[uint64][]string) {
	for id, keys := range ids {
		if id != 0 && len(keys) > 0 {
			r.spool.Done(id, keys...)
		}
	}
}
