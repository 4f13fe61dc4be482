package chaosstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/store"
)

// ErrChaos is what an operation fails with that chance has picked. It comes inside a *store.KeysError that names the
// keys that were hit.
var ErrChaos = errors.New("chaosstore: failed by chance")

// Options say what goes wrong and how often. The zero value changes nothing.
//
// Each probability is that of one key of one operation, so that part of a batch may fail. 0, or less, is never and
// 1, or more, always. Fail, Late and Lose exclude each other, and where their sum is above 1 the first named
// come first. Whether an operation is held up or repeated is drawn apart.
type Options struct {
	// Seed makes runs differ, and alike: what befalls the n-th operation of a kind on a key depends on the seed, the
	// kind, the key and n, and on nothing else. Which of several goroutines makes the n-th is up to the scheduler.
	Seed uint64

	Fail   float64 // the store is not asked, and the reply is an error
	Late   float64 // the reply is an error, and the store is asked within MaxDelay: what is asked meanwhile overtakes it
	Lose   float64 // the store is asked, and the reply is an error
	Repeat float64 // the store is asked, and once more within MaxDelay: a client library that did not trust the first
	Delay  float64 // the request is held up for up to MaxDelay, or the reply, or each: calls overtake one another

	// MaxDelay bounds each delay, which is drawn evenly. 0: 50 ms. A context that ends meanwhile ends the wait, and
	// the call with its error. Delays longer than the leases of the store underneath are worth a try.
	MaxDelay time.Duration

	// Ops are the operations that things go wrong with. Empty: all of them.
	Ops []Op
}

// Counts say what has gone wrong so far, in keys of operations. A test that is to prove something should see that
// it was put to the test.
type Counts struct{ Failed, Late, Lost, Repeated, Delayed int64 }

// Store is a store with which things go wrong by chance. All methods may be called concurrently. It must not be
// copied. Make one with [New].
//
// For each operation that it has seen on a key it keeps a counter, and never forgets it. A Watch may fail or be
// held up, and that is all: it is neither late nor repeated. Wake-ups are those of the store underneath.
type Store struct {
	store.Store
	opts   Options
	chance chance

	failed, tardy, lost, repeated, delayed atomic.Int64

	mu   sync.Mutex
	calm bool           // guarded by mu
	late sync.WaitGroup // grows under mu, and not in calm
}

var _ store.Store = (*Store)(nil)

// New returns st with things going wrong.
func New(st store.Store, opts Options) *Store {
	if opts.MaxDelay <= 0 {
		opts.MaxDelay = 50 * time.Millisecond
	}
	opts.Ops = slices.Clone(opts.Ops)
	s := &Store{opts: opts, chance: chance{seed: opts.Seed, seen: make(map[event]uint64)}}
	s.Store = &Hooked{Store: st, Before: s.request, After: s.reply}
	return s
}

// Calm ends the chaos: from now on requests are passed on at once, and replies are handed over. It returns when what
// was late has arrived, within MaxDelay and the time that the store takes. What a program makes of it all, such as
// the repetition of invalidations, may then be waited for and looked at. A bubble of testing/synctest
// must not end before.
func (s *Store) Calm() {
	s.mu.Lock()
	s.calm = true
	s.mu.Unlock()
	s.late.Wait()
}

// Counts returns what has gone wrong so far.
func (s *Store) Counts() Counts {
	return Counts{
		Failed: s.failed.Load(), Late: s.tardy.Load(), Lost: s.lost.Load(),
		Repeated: s.repeated.Load(), Delayed: s.delayed.Load(),
	}
}

// request is what befalls a call on its way to the store.
func (s *Store) request(ctx context.Context, c Call) error {
	if !s.hits(c) {
		return nil
	}
	var failed, late []string
	var delay time.Duration
	for _, key := range c.Keys {
		f := s.chance.request(c.Op, key, s.opts)
		switch f.end {
		case lost:
			failed = append(failed, key)
		case tardy:
			if s.later(ctx, c, key, f.later) {
				late = append(late, key)
			}
		case passed:
			if f.repeat && s.later(ctx, c, key, f.later) {
				s.repeated.Add(1)
			}
			delay = max(delay, f.delay)
		}
	}
	s.failed.Add(int64(len(failed)))
	s.tardy.Add(int64(len(late)))
	if err := s.hold(ctx, delay); err != nil {
		return err
	}
	return chaos(append(failed, late...))
}

// reply is what befalls its answer.
func (s *Store) reply(ctx context.Context, c Call) error {
	if !s.hits(c) {
		return nil
	}
	var failed []string
	var delay time.Duration
	for _, key := range c.Keys {
		f := s.chance.reply(c.Op, key, s.opts)
		if f.end == lost {
			failed = append(failed, key)
		}
		delay = max(delay, f.delay)
	}
	s.lost.Add(int64(len(failed)))
	if err := s.hold(ctx, delay); err != nil {
		return err
	}
	return chaos(failed)
}

func (s *Store) hits(c Call) bool {
	if len(s.opts.Ops) > 0 && !slices.Contains(s.opts.Ops, c.Op) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.calm
}

// hold holds a caller up, unless its context ends.
func (s *Store) hold(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	s.delayed.Add(1)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// later has the store execute a call for a key after d, and reports whether it will.
func (s *Store) later(ctx context.Context, c Call, key string, d time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calm {
		return false
	}
	s.late.Go(func() {
		time.Sleep(d)
		_ = c.Again(context.WithoutCancel(ctx), key) // whoever could be told has been told already
	})
	return true
}

// chaos is the error of the keys that were hit.
func chaos(keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	return &store.KeysError{Keys: keys, Err: ErrChaos}
}
