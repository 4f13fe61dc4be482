package aside

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cachet-go/cachet/internal/flight"
	"github.com/cachet-go/cachet/internal/record"
	"github.com/cachet-go/cachet/store"
)

// Config is what a Reader needs to know. All fields are required; the durations and shares that may be off are
// off at zero.
type Config struct {
	Store        store.Store
	Codec        string
	LoadTimeout  time.Duration
	MaxLoads     int
	Jitter       float64
	StaleTTL     time.Duration
	EarlyRefresh float64
	MaxValueSize int
	Report       func(context.Context, error) // of what no method can return
}

// Reader reads records, and loads those that are missing. Its methods may be called concurrently.
type Reader struct {
	cfg     Config
	codec   string
	slots   *semaphore.Weighted
	flights flight.Group
	stats   Counters
	state   state
	down    atomic.Bool // as state has it, for those who find it up

	background     sync.WaitGroup
	backgroundCtx  context.Context //nolint:containedctx // the life of the reader's own goroutines
	stopBackground context.CancelFunc

	mu         sync.Mutex
	closed     bool                // guarded by mu
	refreshing map[string]struct{} // guarded by mu
}

// NewReader returns a Reader.
func NewReader(cfg Config) *Reader {
	r := &Reader{
		cfg:        cfg,
		codec:      record.CodecName(cfg.Codec),
		slots:      semaphore.NewWeighted(int64(cfg.MaxLoads)),
		refreshing: make(map[string]struct{}),
	}
	r.backgroundCtx, r.stopBackground = context.WithCancel(context.Background())
	return r
}

// Stats returns the counters, which go on counting.
func (r *Reader) Stats() *Counters { return &r.stats }

// Close ends background refreshes and waits for them until ctx ends. The reader still reads afterwards.
func (r *Reader) Close(ctx context.Context) {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.stopBackground()
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.background.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done(): // a hook, or the store, holds one up
	}
}

// Source says where a result came from.
type Source uint8

const (
	// Cached: the look-up found it.
	Cached Source = iota
	// Loaded: this caller's load made it.
	Loaded
	// Shared: it was loaded or found for another caller of this process, who was joined.
	Shared
	// Found: somebody else had stored it by the time a lease was asked for.
	Found
)

// Result is a record as a read came to it. Payload may be shared with other callers and must not be written to.
type Result struct {
	Payload []byte
	Absent  bool
	Stale   bool
	Source  Source
	Stamp   store.Stamp // of the stored record, if Source is Cached or Found
}

// Seen is what a look-up learned of a key.
type Seen struct {
	// OK reports that Result answers the read.
	OK bool
	Result
	// Refresh asks the caller to have the value refreshed in the background.
	Refresh bool

	ask store.Ask
}

// Lookup looks key up and loads nothing. A value past its fresh time is good if it is so by less than maxStale
// and the configured StaleTTL. An error of the store is reported and otherwise a miss.
func (r *Reader) Lookup(ctx context.Context, key string, maxStale time.Duration) (seen Seen) {
	rec, err := r.cfg.Store.Get(ctx, key)
	r.observe(ctx, err)
	r.judge(&seen, key, &rec, maxStale)
	return seen
}

// Peek looks key up and changes nothing. It tells when, on the store's clock, the load of what it found was granted.
func (r *Reader) Peek(ctx context.Context, key string) (res Result, born time.Time, ok bool, err error) {
	rec, err := r.cfg.Store.Get(ctx, key)
	r.observe(ctx, err)
	if err != nil {
		return Result{}, time.Time{}, false, err
	}
	var seen Seen
	r.judge(&seen, key, &rec, r.cfg.StaleTTL)
	return seen.Result, time.UnixMilli(rec.Born), seen.OK, nil
}

// judge decides what a record is worth to a caller. Both structs are large, and this is what a hit is made of.
func (r *Reader) judge(seen *Seen, key string, rec *store.Record, maxStale time.Duration) {
	seen.ask.Key = key
	switch {
	case rec.Kind == store.Foreign:
		r.stats.Corrupt.Add(1)
		return
	case rec.Kind != store.Value:
		return
	case !r.usable(rec):
		r.stats.Corrupt.Add(1)
		seen.discard(rec.Stamp)
		return
	}
	seen.OK = true
	seen.Result = Result{Payload: rec.Payload, Absent: rec.Absent, Stamp: rec.Stamp}
	if rec.FreshFor == 0 {
		return // the common case, and it asks no clock
	}
	now := time.Now()
	past := pastFresh(rec, now)
	seen.ask = store.Ask{Key: key, Mode: store.Refresh, Over: rec.Stamp, Hold: r.cfg.LoadTimeout}
	switch {
	case past >= 0 && past >= min(maxStale, r.cfg.StaleTTL):
		seen.OK = false
	case past >= 0:
		seen.Stale = true
		seen.Refresh = !claimed(rec, now)
	default:
		seen.Refresh = r.cfg.EarlyRefresh > 0 && !claimed(rec, now) && early(rec, past, r.cfg.EarlyRefresh)
	}
}

// usable reports whether the codec may be shown a value.
func (r *Reader) usable(rec *store.Record) bool {
	return rec.Absent || string(rec.Codec) == r.codec && len(rec.Payload) <= r.cfg.MaxValueSize
}

// Spoil turns an answer that could not be decoded into a miss that replaces it.
func (r *Reader) Spoil(s *Seen) {
	r.stats.Corrupt.Add(1)
	s.discard(s.Stamp)
}

func (s *Seen) discard(over store.Stamp) {
	s.OK = false
	s.ask.Mode, s.ask.Over = store.Discard, over
}
