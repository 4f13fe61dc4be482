package cachet

import (
	"context"
	"errors"
	"hash/maphash"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/aside"
)

// maxComparisons bounds the comparisons under way, with those that wait for their second look.
const maxComparisons = 1024

// verifier compares hits with the source. Whether a hit is compared is decided before anything is known of it, since
// dropping those that turn out to be dear, which are the ones that differ, would make the cache look better than it is.
type verifier struct {
	cfg     Verify
	timeout time.Duration // of a load, and of a look at the store
	peek    func(ctx context.Context, key string) (res aside.Result, born time.Time, ok bool, err error)
	tell    func(context.Context, InconsistentInfo)
	failed  func(ctx context.Context, key string, err error)

	loads chan struct{} // one per load under way
	seed  maphash.Seed
	life  context.Context //nolint:containedctx // of the comparisons
	stop  context.CancelFunc
	under sync.WaitGroup

	mu      sync.Mutex
	closed  bool      // guarded by mu
	running int       // guarded by mu
	tokens  float64   // guarded by mu; comparisons that may begin now
	filled  time.Time // guarded by mu; when tokens was reckoned

	verified, superseded, inconsistent, stale, errors, dropped atomic.Int64
}

// comparison is a hit on its way to a verdict.
type comparison struct {
	key    string
	served aside.Result
	load   func(context.Context) aside.Load
	same   func(aside.Load) (bool, error)
}

// copied is what tells one stored copy from the next. A stamp does not: that of a copy changes with each claim on it.
type copied struct {
	born   int64 // ms since the epoch
	absent bool
	size   int
	hash   uint64
}

func newVerifier(cfg Verify, timeout time.Duration) *verifier {
	v := &verifier{
		cfg: cfg, timeout: timeout, loads: make(chan struct{}, cfg.MaxLoads), seed: maphash.MakeSeed(),
		tokens: float64(cfg.PerSecond), filled: time.Now(),
	}
	v.life, v.stop = context.WithCancel(context.Background())
	return v
}

// chosen decides by lot whether a hit is to be compared.
func (v *verifier) chosen() bool {
	return rand.Float64() < v.cfg.Rate //nolint:gosec // a lottery without prizes
}

// admit reports whether a comparison may begin, which must then run.
func (v *verifier) admit(stale bool) bool {
	if stale { // as configured, and no news
		v.stale.Add(1)
		return false
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	now, most := time.Now(), float64(v.cfg.PerSecond)
	v.tokens = min(most, v.tokens+most*max(0, now.Sub(v.filled).Seconds()))
	v.filled = now
	if v.closed || v.running >= maxComparisons || v.tokens < 1 {
		v.dropped.Add(1)
		return false
	}
	v.tokens--
	v.running++
	v.under.Add(1)
	return true
}

// run brings a comparison to its verdict. ctx has no end of its own.
func (v *verifier) run(ctx context.Context, c comparison) {
	defer v.under.Done()
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.running--
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(v.life, cancel)
	defer stop()
	var verdict *atomic.Int64
	err := ErrGoexit // unless compare returns
	defer func() {
		switch {
		case err == nil:
			v.verified.Add(1)
			if verdict != nil {
				verdict.Add(1)
			}
		case v.life.Err() != nil:
			v.dropped.Add(1)
		default:
			v.errors.Add(1)
			v.failed(ctx, c.key, err)
		}
	}()
	verdict, err = v.compare(ctx, c)
}

// compare looks at the source and then at the store again, twice: a write that comes between the look-up and the load
// makes them differ, and takes the copy away. It returns the counter of what it came to besides a comparison.
func (v *verifier) compare(ctx context.Context, c comparison) (*atomic.Int64, error) {
	began := time.Now()
	if _, same, err := v.source(ctx, c); same || err != nil {
		return nil, err
	}
	first, ok, err := v.look(ctx, c.key)
	if err != nil {
		return nil, err
	}
	if !ok || !v.isOf(first, c.served) {
		return &v.superseded, nil
	}
	wait := time.NewTimer(v.cfg.Within)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	absent, same, err := v.source(ctx, c)
	if err != nil {
		return nil, err
	}
	last, ok, err := v.look(ctx, c.key)
	if err != nil {
		return nil, err
	}
	if same || !ok || last != first {
		return &v.superseded, nil
	}
	v.tell(ctx, InconsistentInfo{
		Key: c.key, Age: max(time.Since(time.UnixMilli(last.born)), 0), Differed: time.Since(began),
		CachedAbsent: last.absent, SourceAbsent: absent,
	})
	return &v.inconsistent, nil
}

// look returns the copy that is stored, unless there is none or it is past its time.
func (v *verifier) look(ctx context.Context, key string) (copied, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	res, born, ok, err := v.peek(ctx, key)
	if err != nil || !ok || res.Stale {
		return copied{}, false, err
	}
	return copied{born.UnixMilli(), res.Absent, len(res.Payload), maphash.Bytes(v.seed, res.Payload)}, true, nil
}

// isOf reports whether res is of the copy.
func (v *verifier) isOf(c copied, res aside.Result) bool {
	return c == copied{c.born, res.Absent, len(res.Payload), maphash.Bytes(v.seed, res.Payload)}
}

// source loads the record when a slot is free, and compares it. A loader that goes on past its time is left behind.
func (v *verifier) source(ctx context.Context, c comparison) (absent, same bool, err error) {
	select {
	case v.loads <- struct{}{}:
	case <-ctx.Done():
		return false, false, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	done := make(chan aside.Load, 1)
	go func() {
		l := aside.Load{Err: ErrGoexit}
		defer func() {
			<-v.loads
			done <- l
		}()
		l = c.load(ctx)
	}()
	select {
	case l := <-done:
		if l.Err != nil {
			return false, false, l.Err
		}
		same, err = c.same(l)
		return l.Absent, same, err
	case <-ctx.Done():
		return false, false, errors.Join(ErrLoadTimeout, ctx.Err())
	}
}

// close ends the comparisons, those that wait without a verdict, and waits for them until ctx ends.
func (v *verifier) close(ctx context.Context) {
	v.mu.Lock()
	v.closed = true
	v.mu.Unlock()
	v.stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.under.Wait()
	}()
	select {
	case <-done:
	case <-ctx.Done(): // a hook, or the store, holds one up
	}
}
