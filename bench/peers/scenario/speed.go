package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
	"github.com/cachet-go/cachet/internal/redistest"
)

const miss, invalidate = "miss, source of 1 ms", "invalidate 100"

// What an operation costs, beside the same work by plain go-redis and msgpack, turn about.
var speed = Scenario{
	Name: result.Speed,
	Cases: []string{
		"hit, 1 caller", "hit, 8 callers", "hit, 32 callers", "hit, 128 callers", "one record, 128 callers", "GetMany of 100",
		miss, invalidate,
	},
	Fits: func(l adapter.Library, of string) bool {
		switch {
		case strings.HasPrefix(of, "hit"):
			return true
		case l.Reference:
			return false
		case of == "GetMany of 100":
			return !l.NoBatch
		default:
			return true
		}
	},
	run: func(ctx context.Context, e *env, of string) error {
		sent := new(redistest.Sent)
		src := &source{}
		c, err := e.cache(src, func(cfg *adapter.Config) {
			if of == miss || of == invalidate { // counting costs a little
				cfg.Sent = sent
			}
		})
		if err != nil {
			return err
		}
		s := &speedOf{e: e, cache: c, naive: e.naive(src), src: src, sent: sent}
		switch of {
		case "GetMany of 100":
			return s.many(ctx)
		case miss:
			return s.miss(ctx)
		case invalidate:
			return s.invalidate(ctx)
		case "one record, 128 callers":
			return s.hit(ctx, 1, 128)
		}
		callers, err := strconv.Atoi(strings.Fields(of)[1])
		if err != nil {
			return err
		}
		return s.hit(ctx, 1000, callers)
	},
}

type speedOf struct {
	e     *env
	cache adapter.Cache
	naive *adapter.Naive
	src   *source
	sent  *redistest.Sent
}

// fill has both sides store n records.
func (s *speedOf) fill(ctx context.Context, n int64) ([]int64, error) {
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = int64(i)
		if _, err := s.cache.Get(ctx, ids[i]); err != nil {
			return nil, err
		}
	}
	time.Sleep(100 * time.Millisecond) // some store in the background
	return ids, s.naive.Put(ctx, ids...)
}

func (s *speedOf) compare(mine, theirs time.Duration) {
	s.e.set("us", us(mine))
	s.e.set("reference_us", us(theirs))
	s.e.set("ratio", float64(mine)/float64(theirs))
}

// hit reads any of so many records. Libraries that merge all that read one record at the same time are faster where
// there is only one, which is why that is a case of its own.
func (s *speedOf) hit(ctx context.Context, records int64, callers int) error {
	if _, err := s.fill(ctx, records); err != nil {
		return err
	}
	ours := func() error { _, err := s.cache.Get(ctx, rand.Int64N(records)); return err }
	reference := func() error { _, err := s.naive.Get(ctx, rand.Int64N(records)); return err }
	var mine, theirs time.Duration
	var err error
	before := s.src.loads.Load()
	if callers == 1 {
		mine, theirs, err = pair(s.e.span(4*time.Second), ours, reference)
	} else {
		mine, theirs, err = crowds(callers, s.e.span(3*time.Second), ours, reference)
	}
	if err != nil {
		return err
	}
	if s.src.loads.Load() > before+10 {
		return errors.New("these were no hits")
	}
	s.compare(mine, theirs)
	s.e.set("per_second", float64(time.Second)/float64(max(mine, 1)))
	s.e.set("reference_per_second", float64(time.Second)/float64(theirs))
	if callers == 1 {
		s.e.set("allocations", testing.AllocsPerRun(1000, func() { _ = ours() }))
		s.e.set("reference_allocations", testing.AllocsPerRun(1000, func() { _ = reference() }))
	}
	return nil
}

func (s *speedOf) many(ctx context.Context) error {
	ids, err := s.fill(ctx, 100)
	if err != nil {
		return err
	}
	batch, ok := s.cache.(adapter.Batch)
	if !ok {
		return errors.New("it has no batch")
	}
	found, err := batch.GetMany(ctx, ids)
	if err != nil || len(found) != len(ids) {
		return errors.Join(err, errors.New("not all were found"))
	}
	before := s.src.loads.Load()
	mine, theirs, err := pair(s.e.span(4*time.Second),
		func() error { _, err := batch.GetMany(ctx, ids); return err },
		func() error { _, err := s.naive.GetMany(ctx, ids); return err })
	if err != nil {
		return err
	}
	if s.src.loads.Load() != before {
		return errors.New("these were no hits")
	}
	s.compare(mine, theirs)
	return nil
}

// miss is of a new record each time. The source takes a millisecond for either side.
func (s *speedOf) miss(ctx context.Context) error {
	if _, err := s.fill(ctx, 1); err != nil { // scripts are loaded, connections open
		return err
	}
	s.src.takes(time.Millisecond)
	next, plain := int64(1000), int64(1000) // which of the two goes first alternates
	mine, theirs, err := pair(s.e.span(5*time.Second),
		func() error { next++; _, err := s.cache.Get(ctx, next); return err },
		func() error { plain++; _, err := s.naive.Get(ctx, plain); return err })
	if err != nil {
		return err
	}
	if loads := s.src.loads.Load(); loads < next+plain-2000 {
		return fmt.Errorf("%d loads, these were no misses", loads)
	}
	s.compare(mine, theirs)
	before := s.sent.Commands.Load()
	for range 100 {
		next++
		if _, err := s.cache.Get(ctx, next); err != nil {
			return err
		}
	}
	time.Sleep(100 * time.Millisecond)
	s.counted("commands", float64(s.sent.Commands.Load()-before)/100)
	return nil
}

// counted sets what was counted, if the client could be watched.
func (s *speedOf) counted(name string, n float64) {
	if s.sent.Commands.Load() > 0 {
		s.e.set(name, n)
	}
}

func (s *speedOf) invalidate(ctx context.Context) error {
	ids, err := s.fill(ctx, 100)
	if err != nil {
		return err
	}
	mine, theirs, err := pair(s.e.span(3*time.Second),
		func() error { return s.cache.Invalidate(ctx, ids...) },
		func() error { return s.naive.Invalidate(ctx, ids...) })
	if err != nil {
		return err
	}
	s.compare(mine, theirs)
	trips := s.sent.Trips.Load()
	if err := s.cache.Invalidate(ctx, ids...); err != nil {
		return err
	}
	s.counted("round_trips", float64(s.sent.Trips.Load()-trips))
	return nil
}
