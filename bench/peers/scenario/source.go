package scenario

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
)

// source is a database of one table. A load reads what is committed when it begins, and then takes its time, which ends
// with its context as a driver's would.
type source struct {
	time   atomic.Pointer[func() time.Duration] // that a load takes; nil: none
	broken func(load int64) error
	absent bool // there is nothing in it
	rows   []row

	loads, now, most atomic.Int64
}

type row struct{ committed, acked atomic.Int64 }

func (s *source) load(ctx context.Context, id int64) (adapter.Product, error) {
	n := s.begin()
	defer s.now.Add(-1)
	var version int64
	if int(id) < len(s.rows) {
		version = s.rows[id].committed.Load()
	}
	if err := s.wait(ctx); err != nil {
		return adapter.Product{}, err
	}
	if s.broken != nil {
		if err := s.broken(n); err != nil {
			return adapter.Product{}, err
		}
	}
	if s.absent {
		return adapter.Product{}, adapter.ErrAbsent
	}
	return adapter.MakeProduct(id, version), nil
}

func (s *source) loadMany(ctx context.Context, ids []int64) (map[int64]adapter.Product, error) {
	s.begin()
	defer s.now.Add(-1)
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	found := make(map[int64]adapter.Product, len(ids))
	for _, id := range ids {
		found[id] = adapter.MakeProduct(id, 0)
	}
	return found, nil
}

// begin counts a load and returns its number.
func (s *source) begin() int64 {
	now := s.now.Add(1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); {
		most = s.most.Load()
	}
	return s.loads.Add(1)
}

func (s *source) wait(ctx context.Context) error {
	took := s.time.Load()
	if took == nil {
		return nil
	}
	select {
	case <-time.After((*took)()):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quiet waits until no load has been under way for a while.
func (s *source) quiet() {
	for calm, tries := 0, 0; calm < 10 && tries < 200; tries++ {
		if s.now.Load() == 0 {
			calm++
		} else {
			calm = 0
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// takes sets how long loads take from now on.
func (s *source) takes(d time.Duration) { s.takesAsMuchAs(func() time.Duration { return d }) }

func (s *source) takesAsMuchAs(f func() time.Duration) { s.time.Store(&f) }

func (s *source) takesNoTime() { s.time.Store(nil) }
