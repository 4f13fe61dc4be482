package invalidation

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// RefusedError is the error of a Handler that will never apply some of the events of a batch and has applied all
// others.
type RefusedError struct {
	Refused map[int]error // index in the batch → why; indexes that the batch does not have are ignored
}

func (e *RefusedError) Error() string {
	for _, err := range e.Refused {
		if len(e.Refused) == 1 {
			return fmt.Sprintf("invalidation: event refused: %v", err)
		}
		return fmt.Sprintf("invalidation: %d events refused, one because: %v", len(e.Refused), err)
	}
	return "invalidation: no event refused"
}

// Unwrap returns the reasons.
func (e *RefusedError) Unwrap() []error {
	errs := make([]error, 0, len(e.Refused))
	for _, err := range e.Refused {
		errs = append(errs, err)
	}
	return errs
}

// ErrPanicked is why an event is refused whose handler panicked, or a message whose decoder did. The error has the
// value and the stack.
var ErrPanicked = errors.New("invalidation: panic")

// Panicked returns an error that wraps ErrPanicked, for p, which recover has returned.
func Panicked(p any) error { return fmt.Errorf("%w: %v\n%s", ErrPanicked, p, debug.Stack()) }

// Guard returns a handler that does not panic. Where handle panics with a batch it is given the events one by one, and
// refuses those with which it panics again. It is for subscribers.
func Guard(handle Handler) Handler {
	try := func(ctx context.Context, events []Event) (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = Panicked(p)
			}
		}()
		return handle(ctx, events)
	}
	return func(ctx context.Context, events []Event) error {
		err := try(ctx, events)
		if !errors.Is(err, ErrPanicked) {
			return err
		}
		refused := make(map[int]error)
		for i := range events {
			one := try(ctx, events[i:i+1])
			var r *RefusedError
			switch {
			case one == nil:
			case errors.As(one, &r):
				if why, ok := r.Refused[0]; ok {
					refused[i] = why
				}
			case errors.Is(one, ErrPanicked):
				refused[i] = one
			default:
				return one
			}
		}
		if len(refused) == 0 {
			return nil
		}
		return &RefusedError{Refused: refused}
	}
}
