package memstore

import (
	"context"
	"slices"

	"github.com/cachet-go/cachet/store"
)

// watch is one subscription.
type watch struct {
	store *Store
	key   string
	c     chan store.Wake
}

// Watch subscribes to the end of leases on key.
func (s *Store) Watch(ctx context.Context, key string) (store.Watch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w := &watch{store: s, key: key, c: make(chan store.Wake, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watches[key] = append(s.watches[key], w)
	return w, nil
}

func (w *watch) C() <-chan store.Wake { return w.c }

func (w *watch) Close() {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	rest := slices.DeleteFunc(w.store.watches[w.key], func(other *watch) bool { return other == w })
	if len(rest) == 0 {
		delete(w.store.watches, w.key)
		return
	}
	w.store.watches[w.key] = rest
}

// wakeLocked tells everybody who watches key. Who has not received the last wake-up gets no second one.
func (s *Store) wakeLocked(key string, why store.Wake) {
	for _, w := range s.watches[key] {
		select {
		case w.c <- why:
		default:
		}
	}
}
