package cachet_test

import (
	"context"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cachet-go/cachet"
)

// source is a table of records. Its loads can be held after they have read.
type source struct {
	mu    sync.Mutex
	rows  map[string]string
	calls [][]string
	holds map[int]*hold
	takes time.Duration // for each load; a load in a bubble takes no time by itself
}

// hold stops one load.
type hold struct {
	read chan struct{} // closed when the load has read its records
	go_  chan struct{} // closed to let it return them
}

func newSource(rows map[string]string) *source {
	s := &source{rows: make(map[string]string), holds: make(map[int]*hold)}
	maps.Copy(s.rows, rows)
	return s
}

// hold has the n-th load, counted from 1, stop when it has read its records. It is resumed with the test at the
// latest.
func (s *source) hold(t *testing.T, n int) *hold {
	t.Helper()
	h := &hold{read: make(chan struct{}), go_: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holds[n] = h
	return h
}

func (h *hold) awaitRead(t *testing.T) {
	t.Helper()
	receive(t, "the load reads", h.read)
}

func (h *hold) resume() { close(h.go_) }

func (s *source) set(key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rows[key] = value
}

func (s *source) write(key, value string) func(context.Context) error {
	return func(context.Context) error { s.set(key, value); return nil }
}

// loads returns the keys of each load so far, sorted.
func (s *source) loads() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *source) count() int { return len(s.loads()) }

// Load is a loader.
func (s *source) Load(ctx context.Context, key string) (string, error) {
	rows, err := s.LoadMany(ctx, []string{key})
	if err != nil {
		return "", err
	}
	v, ok := rows[key]
	if !ok {
		return "", cachet.ErrNotFound
	}
	return v, nil
}

// LoadMany is a batch loader.
func (s *source) LoadMany(ctx context.Context, keys []string) (map[string]string, error) {
	s.mu.Lock()
	s.calls = append(s.calls, slices.Sorted(slices.Values(keys)))
	rows := make(map[string]string)
	for _, key := range keys {
		if v, ok := s.rows[key]; ok {
			rows[key] = v
		}
	}
	h := s.holds[len(s.calls)]
	s.mu.Unlock()
	if s.takes > 0 {
		select {
		case <-time.After(s.takes):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if h != nil {
		close(h.read)
		select {
		case <-h.go_:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return rows, nil
}

// config makes a Config of s. With batch it has LoadMany only.
func (s *source) config(batch bool) cachet.Config[string, string] {
	if batch {
		return cachet.Config[string, string]{LoadMany: s.LoadMany}
	}
	return cachet.Config[string, string]{Load: s.Load, LoadMany: s.LoadMany}
}
