package lock

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Once runs fn once per key and hands its result to every later call within keep, over all processes. A call that comes
// while fn runs waits for its end. replayed says that v is the result of another call. v must survive [json.Marshal].
//
// fn runs under the lock of key, with a context as [Locker.Do] gives it. fn's error is returned and not recorded, so
// that the next call runs fn again. Once with a context from the lock of its own key waits for itself.
//
// This is at most one at a time, plus replay; it is not exactly once. If the process dies after fn's effect and
// before its record, or the record is lost with the server, the next call runs fn again. Where that must not be, as
// with money, put a unique index on the key in the same transaction as the effect, and use Once as the cheap filter
// before it.
//
// It returns [ErrMismatch] if a result was recorded under another [Fingerprint], fn's error, what Lock returns, or an
// error that is [ErrLost], together with fn's result, if the lock was lost and the result could not be recorded. keep
// must be positive.
func Once[T any](
	ctx context.Context, l *Locker, key string, keep time.Duration, fn func(context.Context) (T, error), opts ...Option,
) (v T, replayed bool, err error) {
	if keep <= 0 {
		return v, false, errors.New("lock: Once needs a time to keep the result")
	}
	cfg := l.cfg.with(opts)
	for {
		text, err := l.recorded(ctx, cfg, key)
		if err != nil {
			return v, false, err
		}
		if text != nil {
			err = json.Unmarshal(text, &v)
			return v, true, err
		}
		k, err := l.TryLock(ctx, key, opts...)
		switch {
		case errors.Is(err, ErrHeld):
			if err := l.wait(ctx, cfg, key); err != nil {
				return v, false, err
			}
		case err != nil:
			return v, false, err
		default:
			return onceUnder(ctx, l, k, cfg, keep, fn)
		}
	}
}

// onceUnder is Once with the lock in hand.
func onceUnder[T any](
	ctx context.Context, l *Locker, k *Lock, cfg config, keep time.Duration, fn func(context.Context) (T, error),
) (v T, replayed bool, err error) {
	recorded := false
	defer func() {
		if end := k.Unlock(); end != nil && !recorded && !errors.Is(err, end) { // a recorded result stands
			err = errorsJoin(err, end)
		}
	}()
	// Between the first look and the lock another call may have come to its end.
	text, err := l.recorded(ctx, cfg, k.key)
	if err != nil {
		return v, false, err
	}
	if text != nil {
		err = json.Unmarshal(text, &v)
		return v, true, err
	}
	if v, err = fn(k.Context()); err != nil {
		return v, false, err
	}
	text, err = json.Marshal(v)
	if err != nil {
		return v, false, fmt.Errorf("lock: result not recorded: %w", err)
	}
	err = l.record(k, text, keep)
	recorded = err == nil
	return v, false, err
}

func recordName(name string) string { return name + ":once" }

// A record is the fingerprint, zero if there is none, and the result.
func (l *Locker) record(k *Lock, text []byte, keep time.Duration) error {
	rec := append(make([]byte, 0, sha256.Size+len(text)), k.cfg.sum()...)
	rec = append(rec, text...)
	owner := k.tenure.(tenancy).owner //nolint:forcetypeassert // a Locker gives no other
	v, err := recordScript.exec(context.WithoutCancel(k.ctx), l.rdb,
		[]string{k.id.name, recordName(k.id.name)}, owner, rec, ms(keep))
	switch {
	case err != nil:
		return fmt.Errorf("lock: result not recorded: %w", err)
	case v != int64(1):
		return ErrLost
	}
	return nil
}

// sum is the fingerprint in a record.
func (c config) sum() []byte {
	if c.fingerprint == nil {
		return make([]byte, sha256.Size)
	}
	return c.fingerprint
}

// recorded returns the result that is recorded for key, or nil.
func (l *Locker) recorded(ctx context.Context, cfg config, key string) ([]byte, error) {
	name, err := cfg.name(key)
	if err != nil {
		return nil, err
	}
	rec, err := l.rdb.Get(ctx, recordName(name)).Bytes()
	switch {
	case errors.Is(err, redis.Nil):
		return nil, nil
	case err != nil:
		return nil, err
	case len(rec) < sha256.Size:
		return nil, fmt.Errorf("lock: %q holds no record", recordName(name))
	}
	sum, text := rec[:sha256.Size], rec[sha256.Size:]
	none := make([]byte, sha256.Size)
	if cfg.fingerprint != nil && !bytes.Equal(sum, none) && !bytes.Equal(sum, cfg.fingerprint) {
		return nil, ErrMismatch
	}
	return text, nil
}
