package redisqueue_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cachet-go/cachet/store"
)

var errStore = errors.New("store failed")

// target is a store that notes when which key was deleted.
type target struct {
	store.Invalidator // nil: nothing else is called

	mu      sync.Mutex
	deleted map[string][]time.Time
	calls   int
	fail    func(keys []string) error // called without mu
	changed chan struct{}
}

func newTarget() *target {
	return &target{deleted: make(map[string][]time.Time), changed: make(chan struct{}, 1)}
}

func (g *target) Invalidate(_ context.Context, keys ...string) error {
	g.mu.Lock()
	g.calls++
	fail := g.fail
	g.mu.Unlock()
	var err error
	if fail != nil {
		err = fail(keys)
	}
	named, _ := errors.AsType[*store.KeysError](err)
	if err != nil && named == nil {
		return err
	}
	g.mu.Lock()
	for _, key := range keys {
		if named == nil || key != named.Keys[0] {
			g.deleted[key] = append(g.deleted[key], time.Now())
		}
	}
	g.mu.Unlock()
	select {
	case g.changed <- struct{}{}:
	default:
	}
	return err
}

func (g *target) setFail(fail func(keys []string) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = fail
}

func (g *target) times(key string) []time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return append([]time.Time(nil), g.deleted[key]...)
}

// await waits until key was deleted n times and returns when.
func (g *target) await(t *testing.T, key string, n int) []time.Time {
	t.Helper()
	patience := time.After(20 * time.Second)
	for {
		if times := g.times(key); len(times) >= n {
			return times
		}
		select {
		case <-g.changed:
		case <-time.After(50 * time.Millisecond):
		case <-patience:
			t.Fatalf("%s: deleted %v, want %d times", key, g.times(key), n)
		}
	}
}
