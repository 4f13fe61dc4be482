package cachet

import (
	"context"
	"errors"

	"github.com/cachet-go/cachet/store"
)

// writing is one run of a strategy. It tells what the strategy's error is about.
type writing struct {
	write  func(context.Context) error // nil: written elsewhere, which no strategy can refuse any more
	ran    bool
	back   bool // it returned
	failed *writeError
}

// writeError marks an error as that of write, whatever it looks like.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// The errors of a strategy that breaks its contract.
var (
	errNotRun    = errors.New("cachet: the strategy did not run the write")
	errSwallowed = errors.New("cachet: the strategy recovered from a panic of the write")
)

// run returns the keys that are not invalidated, and why; or, if there are none, the error of write or that of
// a strategy which refused to run it.
func (w *writing) run(
	ctx context.Context, s Strategy, inv store.Invalidator, keys []string,
) (failed []string, err error) {
	err = s.Write(ctx, inv, keys, w.once)
	if !w.ran && err == nil {
		err = errNotRun
	}
	switch {
	case !w.ran && w.write == nil:
		return keys, err
	case !w.ran:
		return nil, err
	case !w.back:
		return keys, errors.Join(errSwallowed, err)
	case err == nil, err == error(w.failed): //nolint:errorlint // is it the very same, unwrapped?
		return nil, w.cause()
	}
	failed, known := failedKeys(err)
	if !known || len(failed) == 0 {
		failed = keys
	}
	return failed, w.without(err)
}

// without returns err without the error of write, which is among those joined in it or in parts of it.
func (w *writing) without(err error) error {
	if err == error(w.failed) { //nolint:errorlint // the very same
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || w.failed == nil || !errors.Is(err, w.failed) {
		return err
	}
	var rest []error
	for _, part := range joined.Unwrap() {
		if part = w.without(part); part != nil {
			rest = append(rest, part)
		}
	}
	return errors.Join(rest...)
}

// once is what the strategy calls. A second call does nothing.
func (w *writing) once(ctx context.Context) error {
	if !w.ran {
		w.ran = true
		if w.write != nil {
			if err := w.write(ctx); err != nil {
				w.failed = &writeError{err}
			}
		}
		w.back = true
	}
	if w.failed == nil {
		return nil
	}
	return w.failed
}

// cause returns the error of write as it was.
func (w *writing) cause() error {
	if w.failed == nil {
		return nil
	}
	return w.failed.err
}

// failedKeys collects the keys that err names. It reports false if err has a part, other than the error of
// write, that names none.
func failedKeys(err error) ([]string, bool) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree itself
	case *writeError:
		return nil, true
	case *store.KeysError:
		return e.Keys, true
	case interface{ Unwrap() []error }:
		var keys []string
		for _, part := range e.Unwrap() {
			more, known := failedKeys(part)
			if !known {
				return nil, false
			}
			keys = append(keys, more...)
		}
		return keys, true
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return failedKeys(inner)
		}
	}
	return nil, false
}
