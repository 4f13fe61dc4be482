package cachet_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cachet-go/cachet/store"
	"github.com/cachet-go/cachet/store/chaosstore"
)

var errLine = errors.New("nothing is heard")

// line is the line between a process and its store. Requests and replies can be stopped on it, lost, and made to
// arrive late.
type line struct {
	chaosstore.Hooked
	cut atomic.Bool // for good: the process is dead

	mu                sync.Mutex
	requests, replies map[chaosstore.Op]*stop // guarded by mu
}

// stop is where one call is stopped. It goes on with what is sent to pass: nil, or the error that its caller gets.
type stop struct {
	arrived chan chaosstore.Call
	pass    chan error
}

func newLine(st store.Store) *line {
	l := &line{requests: make(map[chaosstore.Op]*stop), replies: make(map[chaosstore.Op]*stop)}
	l.Hooked = chaosstore.Hooked{Store: st, Before: l.hook(l.requests), After: l.hook(l.replies)}
	return l
}

func (l *line) hook(stops map[chaosstore.Op]*stop) func(context.Context, chaosstore.Call) error {
	return func(_ context.Context, c chaosstore.Call) error {
		if l.cut.Load() {
			return errLine
		}
		l.mu.Lock()
		s := stops[c.Op]
		delete(stops, c.Op)
		l.mu.Unlock()
		if s == nil {
			return nil
		}
		s.arrived <- c
		return <-s.pass
	}
}

// request stops the next request of a kind, reply the next reply.
func (l *line) request(op chaosstore.Op) *stop { return l.at(l.requests, op) }
func (l *line) reply(op chaosstore.Op) *stop   { return l.at(l.replies, op) }

func (l *line) at(stops map[chaosstore.Op]*stop, op chaosstore.Op) *stop {
	s := &stop{make(chan chaosstore.Call, 1), make(chan error, 1)}
	l.mu.Lock()
	defer l.mu.Unlock()
	stops[op] = s
	return s
}

// lose waits for the call and fails it. What it returns can still arrive.
func (s *stop) lose(t *testing.T) chaosstore.Call {
	t.Helper()
	c := receive(t, "the call", s.arrived)
	s.pass <- errLine
	return c
}

// overLine runs test over every store, at the end of a line.
func overLine(t *testing.T, test func(t *testing.T, p place, l *line)) {
	t.Helper()
	newBed(t).each(t, func(t *testing.T, p place) { test(t, p, newLine(p)) })
}
