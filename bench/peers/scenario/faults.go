package scenario

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
)

// Loads that go wrong, with fifty readers of two instances who ask at about the same time, and one who asked first.
var faults = Scenario{
	Name:  result.Faults,
	Cases: []string{"loader fails", "loader panics", "first caller leaves", "loader outlives the lock"},
	Fits:  caches,
	run: func(ctx context.Context, e *env, of string) error {
		f := &fault{}
		src := new(source)
		src.takes(200 * time.Millisecond)
		switch of {
		case "loader fails":
			src.broken = func(load int64) error {
				if load == 1 {
					return errors.New("no database here")
				}
				return nil
			}
		case "loader panics":
			src.broken = func(load int64) error {
				if load == 1 {
					panic("a bug in the loader")
				}
				return nil
			}
		case "loader outlives the lock":
			src.takes(4 * time.Second)
		}
		caches, err := e.instances(src, 2)
		if err != nil {
			return err
		}
		first, leave := context.WithCancel(ctx)
		defer leave()
		var group sync.WaitGroup
		group.Go(func() { f.read(first, caches[0], true) })
		time.Sleep(50 * time.Millisecond)
		for i := range 50 {
			group.Go(func() { f.read(ctx, caches[i%2], false) })
		}
		if of == "first caller leaves" {
			time.Sleep(50 * time.Millisecond)
			leave()
		}
		if !within(12*time.Second, group.Wait) {
			e.set("hung", float64(51-f.returned.Load()))
		} else {
			e.set("hung", 0)
		}
		e.set("readers", 50)
		e.set("failed", float64(f.failed.Load()))
		e.set("panicked", float64(f.panicked.Load()))
		e.set("zero_values", float64(f.zero.Load()))
		e.set("loads", float64(src.loads.Load()))
		e.set("slowest_ms", float64(f.slowest.Load())/1e6)
		src.takesNoTime()
		start := time.Now()
		usable := within(10*time.Second, func() {
			for f.again(ctx, caches[1]) != nil {
				time.Sleep(10 * time.Millisecond)
			}
		})
		e.set("usable_after_ms", ms(time.Since(start)))
		if !usable {
			e.set("usable_after_ms", -1)
		}
		return nil
	},
}

type fault struct {
	returned, failed, panicked, zero, slowest atomic.Int64
}

// read asks for the record. What happens to the first caller is not counted, except that it must return.
func (f *fault) read(ctx context.Context, c adapter.Cache, first bool) {
	defer f.returned.Add(1)
	start := time.Now()
	defer func() {
		if recover() != nil && !first {
			f.panicked.Add(1)
		}
		if took := int64(time.Since(start)); !first && took > f.slowest.Load() {
			f.slowest.Store(took)
		}
	}()
	p, err := c.Get(ctx, 1)
	switch {
	case first:
	case err != nil:
		f.failed.Add(1)
	case p.ID != 1:
		f.zero.Add(1)
	}
}

func (*fault) again(ctx context.Context, c adapter.Cache) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("it panicked")
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	p, err := c.Get(ctx, 1)
	if err == nil && p.ID != 1 {
		return errors.New("not the record")
	}
	return err
}
