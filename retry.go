package cachet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
)

const (
	// maxRetries bounds the keys that wait for another attempt.
	maxRetries = 1 << 16
	// maxLife is the life of a copy that may be for ever, and within what time.Time can say.
	maxLife = 100 * 365 * 24 * time.Hour
)

// retrier repeats failed invalidations until they succeed or no copy can be alive any more. It has a goroutine
// only while there is something to do.
type retrier struct {
	try   func(ctx context.Context, keys []string, tokens []uint64) (failed []string)
	life  time.Duration // of a copy
	space backoff.Policy
	spool Spool // nil: none

	mu      sync.Mutex
	waiting map[string]*retry // guarded by mu
	running bool              // guarded by mu
	trying  bool              // guarded by mu; an attempt is under way
	closed  bool              // guarded by mu
	over    bool              // guarded by mu; Close has given up
	hurry   chan struct{}     // closed when the cache is, to end a pause
	stop    chan struct{}     // closed when Close gives up
	idle    chan struct{}     // guarded by mu; closed when the goroutine ends
}

// retry is one key that waits. A failure that comes while an attempt is under way makes a new one, which the
// success of the old does not answer.
type retry struct {
	until  time.Time
	tokens []uint64 // of fences that may stand
	id     uint64   // guarded by mu; in the spool, 0 if it is not there
}

func newRetrier(
	try func(context.Context, []string, []uint64) []string, life time.Duration, spool Spool,
) *retrier {
	return &retrier{
		try:     try,
		life:    life,
		spool:   spool,
		space:   backoff.Policy{First: 20 * time.Millisecond, Most: time.Second},
		waiting: make(map[string]*retry),
		hurry:   make(chan struct{}),
		stop:    make(chan struct{}),
	}
}

// add queues keys, on which the fences of tokens may stand. It returns ErrDeferred if all are in the spool too,
// ErrRetryFull if some of them found no room, and ErrClosed after close.
func (r *retrier) add(keys []string, tokens []uint64) error {
	queued, err := r.queue(keys, tokens)
	if r.spool == nil || len(queued) == 0 {
		return err
	}
	if serr := r.put(queued); serr != nil {
		return errors.Join(err, serr)
	}
	if err != nil {
		return err
	}
	return ErrDeferred
}

func (r *retrier) queue(keys []string, tokens []uint64) (queued map[string]*retry, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, ErrClosed
	}
	queued = make(map[string]*retry, len(keys))
	for _, key := range keys {
		old, ok := r.waiting[key]
		if !ok && len(r.waiting) >= maxRetries {
			err = ErrRetryFull
			continue
		}
		now := &retry{until: r.end(), tokens: tokens}
		if ok {
			now.id = old.id
			if len(old.tokens) > 0 {
				now.tokens = append(slices.Clone(tokens), old.tokens...)
			}
		}
		r.waiting[key] = now
		queued[key] = now
	}
	r.startLocked()
	return queued, err
}

// end is when what is queued now has outlived every copy.
func (r *retrier) end() time.Time { return time.Now().Add(r.life) }

func (r *retrier) startLocked() {
	if !r.running {
		r.running = true
		r.idle = make(chan struct{})
		go r.run(r.idle)
	}
}

func (r *retrier) run(idle chan struct{}) {
	defer close(idle)
	hurry := r.hurry
	for n := 0; ; n++ {
		pause := time.NewTimer(r.space.Delay(n))
		select {
		case <-pause.C:
		case <-hurry:
			hurry = nil // once
		case <-r.stop:
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
	ended := make(map[uint64][]string)
	defer func() { r.done(ended) }()
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	batch := make(map[string]*retry, len(r.waiting))
	for key, e := range r.waiting {
		if now.After(e.until) {
			delete(r.waiting, key)
			ended[e.id] = append(ended[e.id], key)
			continue
		}
		batch[key] = e
	}
	r.running = len(batch) > 0
	r.trying = r.running
	return batch
}

// attempt reports whether all of batch succeeded.
func (r *retrier) attempt(batch map[string]*retry) bool {
	keys := make([]string, 0, len(batch))
	var tokens []uint64
	for key, e := range batch {
		keys = append(keys, key)
		tokens = append(tokens, e.tokens...)
	}
	slices.Sort(tokens)
	tokens = slices.Compact(tokens)
	failed := make(map[string]struct{})
	for _, key := range r.try(context.Background(), keys, tokens) {
		failed[key] = struct{}{}
	}
	ended := make(map[uint64][]string)
	defer func() { r.done(ended) }()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trying = false
	for key, e := range batch {
		if _, again := failed[key]; !again && r.waiting[key] == e {
			delete(r.waiting, key)
			ended[e.id] = append(ended[e.id], key)
		}
	}
	return len(failed) == 0
}

func (r *retrier) pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.waiting)
}

// close takes no more keys, waits until the queue is empty or ctx ends, and returns what is left, and ErrDeferred if
// all of that is in the spool.
func (r *retrier) close(ctx context.Context) (left []string, deferred error) {
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
	left, trying, deferred := r.giveUp()
	if running && !trying {
		<-idle
	}
	return left, deferred
}

// giveUp empties the queue, which ends the goroutine: at once or, if an attempt is under way, after that.
func (r *retrier) giveUp() (left []string, trying bool, deferred error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	deferred = ErrDeferred
	for key, e := range r.waiting {
		left = append(left, key)
		if e.id == 0 {
			deferred = nil
		}
	}
	clear(r.waiting)
	r.over = true
	close(r.stop)
	return left, r.trying, deferred
}
