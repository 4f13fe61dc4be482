package cachet_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/store"
)

// tapped is a store whose answers can be held back after it has executed what was asked, and which can be made
// to fail.
type tapped struct {
	store.Store
	looked atomic.Pointer[tap] // holds back the next answer of Get
	leased atomic.Pointer[tap] // holds back the next answer of Lease
	filled atomic.Pointer[tap] // holds back the next answer of Fill
	fails  atomic.Pointer[failure]
}

// failure is what invalidations fail with: those of the keys named, or all.
type failure struct {
	err  error
	keys []string
}

// tap is a hold on one answer.
type tap struct{ executed, pass chan struct{} }

func (p *tap) stop() {
	if p != nil {
		close(p.executed)
		<-p.pass
	}
}

// tapNext makes a hold on the next answer that at stands for.
func tapNext(at *atomic.Pointer[tap]) *tap {
	p := &tap{make(chan struct{}), make(chan struct{})}
	at.Store(p)
	return p
}

func (s *tapped) Get(ctx context.Context, key string) (store.Record, error) {
	rec, err := s.Store.Get(ctx, key)
	s.looked.Swap(nil).stop()
	return rec, err
}

func (s *tapped) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	grants := s.Store.Lease(ctx, asks...)
	s.leased.Swap(nil).stop()
	return grants
}

func (s *tapped) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	verdicts := s.Store.Fill(ctx, fills...)
	s.filled.Swap(nil).stop()
	return verdicts
}

// fail has invalidations of keys fail, of all keys if none is named, or with nil work again.
func (s *tapped) fail(err error, keys ...string) {
	if err == nil {
		s.fails.Store(nil)
		return
	}
	s.fails.Store(&failure{err, keys})
}

// refuse splits keys into those that work, and an error for those that do not.
func (s *tapped) refuse(keys []string) ([]string, error) {
	f := s.fails.Load()
	switch {
	case f == nil:
		return keys, nil
	case len(f.keys) == 0:
		return nil, f.err
	}
	var good, bad []string
	for _, key := range keys {
		if slices.Contains(f.keys, key) {
			bad = append(bad, key)
		} else {
			good = append(good, key)
		}
	}
	if len(bad) == 0 {
		return good, nil
	}
	return good, &store.KeysError{Keys: bad, Err: f.err}
}

func (s *tapped) Invalidate(ctx context.Context, keys ...string) error {
	good, err := s.refuse(keys)
	return errors.Join(err, s.Store.Invalidate(ctx, good...))
}

func (s *tapped) Fence(ctx context.Context, token uint64, d time.Duration, keys ...string) error {
	good, err := s.refuse(keys)
	return errors.Join(err, s.Store.Fence(ctx, token, d, good...))
}

func (s *tapped) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	good, err := s.refuse(keys)
	return errors.Join(err, s.Store.Lift(ctx, token, probation, good...))
}
