package aside

import (
	"context"
	"sync"
	"time"
)

// A store that is half there, one shard of several or full but readable, fails and answers by turns. Its changes of
// state are reported so often in such a time, and otherwise only counted.
const (
	reportsAtMost = 4
	reportsWithin = 10 * time.Second
)

// state is whether the store works, as last seen.
type state struct {
	mu sync.Mutex
	// Guarded by mu.
	down  bool
	since time.Time // when the first of the reports was made
	made  int
}

// change notes that the store is down or up, and reports whether to say so.
func (s *state) change(down bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down == down {
		return false
	}
	s.down = down
	now := time.Now()
	if now.Sub(s.since) > reportsWithin {
		s.since, s.made = now, 0
	}
	s.made++
	return s.made <= reportsAtMost
}

// over reports whether ctx has ended, or so nearly that what has the same deadline may have noticed first.
func over(ctx context.Context) bool {
	end, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && time.Until(end) < 5*time.Millisecond
}

// observe counts an error of the store, unless ctx has ended, and reports the first of a row and the end of the row.
func (r *Reader) observe(ctx context.Context, err error) {
	switch {
	case err == nil:
		if r.down.Load() {
			r.down.Store(false)
			if r.state.change(false) {
				r.cfg.Report(ctx, ErrRecovered)
			}
		}
	case !over(ctx):
		r.stats.StoreErrors.Add(1)
		r.down.Store(true)
		if r.state.change(true) {
			r.cfg.Report(ctx, &StoreError{err})
		}
	}
}
