package memstore

import (
	"context"
	"errors"
	"strings"

	"github.com/cachet-go/cachet/store"
)

var _ store.Clearer = (*Store)(nil)

// Clear invalidates every key that begins with prefix.
func (s *Store) Clear(ctx context.Context, prefix string) error {
	if prefix == "" {
		return errors.New("memstore: Clear: an empty prefix")
	}
	var keys []string
	s.mu.Lock()
	for key := range s.entries {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	s.mu.Unlock()
	return s.Lift(ctx, 0, 0, keys...)
}
