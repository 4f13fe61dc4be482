package lock

import "time"

// Kind is what an [Event] is about.
type Kind int

const (
	// Acquired: a lock was taken. Duration is how long that took, waiting included.
	Acquired Kind = iota + 1
	// Failed: a lock was not taken, for the reason Err. Duration is how long was waited.
	Failed
	// Renewed: the lease was renewed, or if Err is not nil it was not and will be tried again. Duration is how long the
	// lock has been held.
	Renewed
	// Lost: the lock was lost after Duration.
	Lost
	// Unlocked: the lock was let go of after Duration. Err is what Unlock returns.
	Unlocked
)

// Event is something that happened to the lock of Key.
type Event struct {
	Kind     Kind
	Key      string
	Duration time.Duration
	Err      error
}

func (c config) emit(kind Kind, key string, since time.Time, err error) {
	if c.observe != nil {
		c.observe(Event{Kind: kind, Key: key, Duration: time.Since(since), Err: err})
	}
}
