package doubledelete

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cachet-go/cachet/internal/backoff"
	"github.com/cachet-go/cachet/store"
)

// Errors of Write, for the delayed delete alone: the keys were deleted after the write.
var (
	// ErrFull: as many keys as there is room for wait for their delayed delete.
	ErrFull = errors.New("doubledelete: too many delayed deletes")
	// ErrClosed: the Strategy is closed.
	ErrClosed = errors.New("doubledelete: closed")
)

const (
	// maxKeys bounds the keys in memory.
	maxKeys = 1 << 17
	// batch bounds the keys of one call of the store.
	batch = 1000
	// deleteTimeout bounds one call of the store.
	deleteTimeout = 5 * time.Second
)

// memory makes delayed deletes in this process. It has a goroutine only while there is something to do.
type memory struct {
	report func(context.Context, error)
	space  backoff.Policy

	mu sync.Mutex
	// Guarded by mu.
	inv     store.Invalidator // of the last write: they all lead to the store of one cache
	due     queue
	known   map[string]*item // those in due
	hand    []string         // being deleted
	running bool
	closed  bool
	over    bool          // Close has given up
	idle    chan struct{} // closed when the goroutine ends
	wake    chan struct{} // told that the first of due is another
}

func newMemory(report func(context.Context, error)) *memory {
	return &memory{
		report: report,
		space:  backoff.Policy{First: 20 * time.Millisecond, Most: 5 * time.Second},
		known:  make(map[string]*item),
		wake:   make(chan struct{}, 1),
	}
}

func (m *memory) schedule(inv store.Invalidator, delay time.Duration, keys []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return &store.KeysError{Keys: keys, Err: ErrClosed}
	}
	m.inv = inv
	refused := m.addLocked(time.Now().Add(delay), keys)
	if len(refused) > 0 {
		return &store.KeysError{Keys: refused, Err: ErrFull}
	}
	return nil
}

// addLocked has keys deleted at a time, or later where that was asked for already. It returns those for which there is
// no room.
func (m *memory) addLocked(at time.Time, keys []string) (refused []string) {
	for _, key := range keys {
		if it, ok := m.known[key]; ok {
			if at.After(it.at) {
				it.at = at
				heap.Fix(&m.due, it.index)
			}
			continue
		}
		if len(m.due)+len(m.hand) >= maxKeys {
			refused = append(refused, key)
			continue
		}
		it := &item{key: key, at: at}
		heap.Push(&m.due, it)
		m.known[key] = it
	}
	if !m.running && len(m.due) > 0 {
		m.running = true
		m.idle = make(chan struct{})
		go m.run(m.idle)
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return refused
}

func (m *memory) run(idle chan struct{}) {
	defer close(idle)
	failures := 0
	for {
		keys, wait := m.next()
		switch {
		case len(keys) > 0:
			err := m.delete(keys)
			m.done(keys, err, m.space.Delay(failures))
			if err == nil {
				failures = 0
				continue
			}
			if failures == 0 { // once per outage
				m.report(context.Background(), fmt.Errorf("doubledelete: a delayed delete is repeated: %w", err))
			}
			failures++
		case wait > 0:
			pause := time.NewTimer(wait)
			select {
			case <-pause.C:
			case <-m.wake:
			}
			pause.Stop()
		default:
			return
		}
	}
}

// next takes the keys that are due. Without any it tells how long there is to wait or, if nothing is left, that the
// goroutine ends.
func (m *memory) next() (keys []string, wait time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	for len(keys) < batch && len(m.due) > 0 && !m.due[0].at.After(now) {
		it, _ := heap.Pop(&m.due).(*item)
		delete(m.known, it.key)
		keys = append(keys, it.key)
	}
	m.hand = keys
	if len(keys) > 0 {
		return keys, 0
	}
	if len(m.due) > 0 {
		return nil, m.due[0].at.Sub(now)
	}
	m.running = false
	return nil, 0
}

// done puts back what could not be deleted.
func (m *memory) done(keys []string, err error, pause time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hand = nil
	if err == nil || m.over {
		return
	}
	m.addLocked(time.Now().Add(pause), store.FailedKeys(err, keys))
}

// delete deletes keys. A panic of the store is an error, for the goroutine has nobody to raise it in.
func (m *memory) delete(keys []string) (err error) {
	m.mu.Lock()
	inv := m.inv
	m.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("doubledelete: the store panicked: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), deleteTimeout)
	defer cancel()
	return inv.Invalidate(ctx, keys...)
}

// close takes no more keys and waits until there are none or ctx ends. What is left then is forgotten.
func (m *memory) close(ctx context.Context) error {
	m.mu.Lock()
	m.closed = true
	running, idle := m.running, m.idle
	m.mu.Unlock()
	if !running {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	left := m.giveUp()
	if len(left) == 0 {
		return nil
	}
	return &store.KeysError{
		Keys: left,
		Err:  fmt.Errorf("doubledelete: %d keys were not deleted once more: %w", len(left), context.Cause(ctx)),
	}
}

// giveUp forgets what is left, which ends the goroutine: at once or, if a delete is under way, after that.
func (m *memory) giveUp() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := slices.Clone(m.hand)
	for _, it := range m.due {
		left = append(left, it.key)
	}
	m.due, m.over = nil, true
	clear(m.known)
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return left
}
