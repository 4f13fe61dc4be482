package cachet

import (
	"context"
	"sync"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
)

// maxRetries bounds the keys that wait for another attempt.
const maxRetries = 1 << 16

// retrier repeats failed invalidations until they succeed or no copy can be alive any more. It has a goroutine
// only while there is something to do.
type retrier struct {
	try   func(ctx context.Context, keys []string) (failed []string)
	life  func() time.Duration // of a copy
	space backoff.Policy

	mu      sync.Mutex
	waiting map[string]*retry // guarded by mu
	running bool              // guarded by mu
	closed  bool              // guarded by mu
	hurry   chan struct{}     // closed when the cache is, to end the pause
	idle    chan struct{}     // guarded by mu; closed when the goroutine ends
}

// retry is one key that waits. A failure that comes while an attempt is under way makes a new one, which the
// success of the old does not answer.
type retry struct{ until time.Time }

func newRetrier(try func(context.Context, []string) []string, life func() time.Duration) *retrier {
	return &retrier{
		try:     try,
		life:    life,
		space:   backoff.Policy{First: 20 * time.Millisecond, Most: time.Second},
		waiting: make(map[string]*retry),
		hurry:   make(chan struct{}),
	}
}

// add queues keys. It returns ErrRetryFull if not all of them found room, ErrClosed if none did.
func (r *retrier) add(keys []string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return ErrClosed
	}
	until := time.Now().Add(r.life())
	var err error
	for _, key := range keys {
		if _, ok := r.waiting[key]; !ok && len(r.waiting) >= maxRetries {
			err = ErrRetryFull
			continue
		}
		r.waiting[key] = &retry{until}
	}
	if !r.running {
		r.running = true
		r.idle = make(chan struct{})
		go r.run(r.idle)
	}
	return err
}

func (r *retrier) run(idle chan struct{}) {
	defer close(idle)
	for n := 0; ; n++ {
		pause := time.NewTimer(r.space.Delay(n))
		select {
		case <-pause.C:
		case <-r.hurry:
			if n > 0 {
				<-pause.C // closing hurries the first attempt only
			}
		}
		pause.Stop()
		batch := r.due()
		if len(batch) == 0 {
			return
		}
		if r.attempt(batch) {
			n = 0
		}
	}
}

// due returns what waits, without what has outlived every copy. If nothing does, the goroutine ends.
func (r *retrier) due() map[string]*retry {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	batch := make(map[string]*retry, len(r.waiting))
	for key, e := range r.waiting {
		if now.After(e.until) {
			delete(r.waiting, key)
			continue
		}
		batch[key] = e
	}
	r.running = len(batch) > 0
	return batch
}

// attempt reports whether all of batch succeeded.
func (r *retrier) attempt(batch map[string]*retry) bool {
	keys := make([]string, 0, len(batch))
	for key := range batch {
		keys = append(keys, key)
	}
	failed := make(map[string]struct{})
	for _, key := range r.try(context.Background(), keys) {
		failed[key] = struct{}{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, e := range batch {
		if _, again := failed[key]; !again && r.waiting[key] == e {
			delete(r.waiting, key)
		}
	}
	return len(failed) == 0
}

func (r *retrier) pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting)
}

// close takes no more keys, waits until the queue is empty or ctx ends, and returns what is left.
func (r *retrier) close(ctx context.Context) []string {
	r.mu.Lock()
	r.closed = true
	close(r.hurry)
	running, idle := r.running, r.idle
	r.mu.Unlock()
	if running {
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	left := make([]string, 0, len(r.waiting))
	for key := range r.waiting {
		left = append(left, key)
		delete(r.waiting, key) // ends the goroutine
	}
	return left
}
