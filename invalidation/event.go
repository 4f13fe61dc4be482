package invalidation

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Op says what an event asks for.
type Op string

const (
	// Delete asks to delete Keys.
	Delete Op = ""
	// Clear asks to delete every key that begins with one of Keys, as after a TRUNCATE.
	Clear Op = "clear"
)

// Event says that the records under Keys have changed. It names keys and carries no values, so that delivering
// it twice, late or out of order does no harm. Its JSON has a version and survives keys that are not UTF-8.
type Event struct {
	ID     string    `json:"id"`           // unique: a UUID of version 7
	Op     Op        `json:"op,omitempty"` // Delete, if empty
	Keys   []string  `json:"keys"`         // as they stand in the store; Prefix and Key make them
	Origin string    `json:"origin"`       // who made it: the name of the cache, of the table, …
	Time   time.Time `json:"time"`         // when the event was made, on its maker's clock
}

// NewEvent returns an event about keys, which are those of one record.
func NewEvent(origin string, keys ...string) Event {
	return Event{ID: newID(), Keys: keys, Origin: origin, Time: time.Now().UTC()}
}

// NewClear returns an event about all records of the caches that are named.
func NewClear(origin string, caches ...string) Event {
	e := NewEvent(origin)
	e.Op = Clear
	for _, name := range caches {
		e.Keys = append(e.Keys, Prefix(name))
	}
	return e
}

// Limits of an event. Split keeps to them.
const (
	MaxKeys = 500       // keys of an event
	MaxSize = 256 << 10 // bytes of its JSON
)

// Why an event can never be applied. Errors of Validate, Decode and Apply wrap one of them; whoever delivers events
// puts such an event among the dead letters and goes on.
var (
	// ErrMalformed: not an event at all, or one without an id or keys.
	ErrMalformed = errors.New("invalidation: malformed event")
	// ErrUnsupported: of a version or with an operation that is not known here, or that the store has no way to do.
	ErrUnsupported = errors.New("invalidation: unsupported event")
	// ErrTooLarge: more than MaxKeys or MaxSize.
	ErrTooLarge = errors.New("invalidation: event too large")
)

// Validate reports why nobody could apply e.
func (e Event) Validate() error {
	switch {
	case e.ID == "":
		return fmt.Errorf("%w: no id", ErrMalformed)
	case len(e.Keys) == 0:
		return fmt.Errorf("%w: no keys", ErrMalformed)
	case e.Op != Delete && e.Op != Clear:
		return fmt.Errorf("%w: operation %q", ErrUnsupported, e.Op)
	case len(e.Keys) > MaxKeys:
		return fmt.Errorf("%w: %d keys", ErrTooLarge, len(e.Keys))
	case slices.Contains(e.Keys, ""):
		return fmt.Errorf("%w: an empty key", ErrMalformed)
	}
	return nil
}

// Prefix returns what the store's keys of a cache begin with: its name, escaped so that it ends at the first colon, and
// a colon. Cache "a" with key "b:k" is not cache "a:b" with key "k". Braces are escaped too, lest a name put all keys
// of a cache into one slot of a cluster; those in the key itself are the user's.
func Prefix(cache string) string {
	return strings.NewReplacer("%", "%25", ":", "%3A", "{", "%7B", "}", "%7D").Replace(cache) + ":"
}

// Key returns the store's key of a cache for a key whose text (of Config.Key, or of a string or an integer itself) is
// text. It is for programs that have no Cache at hand, as workers.
func Key(cache, text string) string { return Prefix(cache) + text }

var (
	_ json.Marshaler   = Event{}
	_ json.Unmarshaler = (*Event)(nil)
)
