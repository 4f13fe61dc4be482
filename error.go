package cachet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cachet-go/cachet/aside"
)

// Errors of reads. The first two are joined with context.DeadlineExceeded or the error of the caller's context,
// so that one does not prove that the caller's time is over.
var (
	// ErrOverloaded: Config.MaxLoads loads were under way until the time of the caller, or LoadTimeout, was
	// over.
	ErrOverloaded = aside.ErrOverloaded
	// ErrLoadTimeout: the load did not return within Config.LoadTimeout.
	ErrLoadTimeout = aside.ErrLoadTimeout
	// ErrGoexit: the loader called runtime.Goexit.
	ErrGoexit = aside.ErrGoexit
)

// Errors of writes.
var (
	// ErrRefused: aside.Strategy.Strict refused the write. Nothing was written.
	ErrRefused = aside.ErrRefused
	// ErrRetryFull is among the causes of an InvalidationError some of whose keys found no room in the retry
	// queue.
	ErrRetryFull = errors.New("cachet: retry queue is full")
	// ErrDeferred is among the causes of an InvalidationError all of whose keys are in Config.Spool: they are
	// repeated even if the process dies. Of that alone a caller need not be told.
	ErrDeferred = errors.New("cachet: invalidation is in the spool")
	// ErrClosed is among the causes of an InvalidationError whose keys are not retried since the cache is
	// closed.
	ErrClosed = errors.New("cachet: closed")
)

// InvalidationError says that a write may have been committed and that copies of its records may still be
// served. The invalidation is repeated in the background until it succeeds or no copy can be left, unless the
// error wraps ErrRetryFull or ErrClosed. With Config.Spool it wraps ErrDeferred, or says why the spool has not
// got the keys.
type InvalidationError struct {
	Cache string
	Keys  []string // as they stand in the store
	Err   error
}

func (e *InvalidationError) Error() string {
	return fmt.Sprintf("cachet: cache %q: not invalidated: %s: %v", e.Cache, list(e.Keys), e.Err)
}

// list names keys, but not too many.
func list(keys []string) string {
	const most = 8
	if len(keys) <= most {
		return strings.Join(keys, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(keys[:most], ", "), len(keys)-most)
}

// Unwrap returns the cause.
func (e *InvalidationError) Unwrap() error { return e.Err }

// PanicError is what Get and GetMany panic with when a loader has panicked, in every caller that shared the
// load.
type PanicError struct {
	Value any    // what the loader panicked with
	Stack []byte // the loader's
}

func (e *PanicError) Error() string {
	return fmt.Sprintf("cachet: loader panicked: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns Value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// CodecError says that a value could not be encoded, or that what was encoded could not be decoded. A stored
// record that cannot be decoded is a miss and no error.
type CodecError struct {
	Codec, Key string
	Err        error
}

func (e *CodecError) Error() string {
	return fmt.Sprintf("cachet: key %s: %v", e.Key, e.Err) // Err names the codec
}

// Unwrap returns the codec's error.
func (e *CodecError) Unwrap() error { return e.Err }

// FenceError is reported to Hooks.Error when a fence could not be placed and the write went ahead without.
// Reads after it are as true as those of a cache without fences.
type FenceError struct {
	Cache string
	Err   error
}

func (e *FenceError) Error() string {
	return fmt.Sprintf("cachet: cache %q: written without a fence: %v", e.Cache, e.Err)
}

// Unwrap returns the store's error.
func (e *FenceError) Unwrap() error { return e.Err }
