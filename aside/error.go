package aside

import (
	"errors"
	"fmt"
)

// Errors of loads that came to nothing. They reach the caller joined with the end of the context concerned.
var (
	// ErrOverloaded: all load slots were taken until the caller's time, or that of the load, was over.
	ErrOverloaded = errors.New("cachet: no load slot came free")
	// ErrLoadTimeout: the load did not return in time.
	ErrLoadTimeout = errors.New("cachet: load timed out")
	// ErrGoexit: the loader ended its goroutine with runtime.Goexit instead of returning.
	ErrGoexit = errors.New("cachet: loader called runtime.Goexit")
)

// StoreError is reported when the store fails after it has worked: reads are then answered from the source.
type StoreError struct{ Err error }

func (e *StoreError) Error() string {
	return "cachet: the store fails, reading from the source: " + e.Err.Error()
}

// Unwrap returns the store's error.
func (e *StoreError) Unwrap() error { return e.Err }

// ErrRecovered is reported when the store works again after a StoreError.
var ErrRecovered = errors.New("cachet: the store answers again")

// OversizeError is reported for a value that was returned to its readers and not stored.
type OversizeError struct {
	Key        string
	Size, Most int // bytes after encoding
}

func (e *OversizeError) Error() string {
	return fmt.Sprintf("cachet: value of %q has %d bytes, of at most %d: not stored", e.Key, e.Size, e.Most)
}

// RefreshError is reported when a background refresh failed. The value it was to replace stays until its time
// is over.
type RefreshError struct {
	Key string
	Err error
}

func (e *RefreshError) Error() string {
	return fmt.Sprintf("cachet: refresh of %q: %v", e.Key, e.Err)
}

// Unwrap returns the loader's error.
func (e *RefreshError) Unwrap() error { return e.Err }
