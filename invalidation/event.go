// Package invalidation has the event that says that records have changed, for queues and outboxes. Who receives one
// applies it by store.Invalidator.Invalidate(ctx, event.Keys...).
package invalidation

import (
	"crypto/rand"
	"time"
)

// Event says that the records under Keys have changed. It names keys and carries no values, so that delivering
// it twice, late or out of order does no harm.
type Event struct {
	ID     string    `json:"id"`     // unique
	Keys   []string  `json:"keys"`   // as they stand in the store
	Origin string    `json:"origin"` // the cache that the keys belong to
	Time   time.Time `json:"time"`   // when the event was made, on its maker's clock
}

// NewEvent returns an event about keys.
func NewEvent(origin string, keys ...string) Event {
	return Event{ID: rand.Text(), Keys: keys, Origin: origin, Time: time.Now().UTC()}
}
