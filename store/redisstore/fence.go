package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/store"
)

// Invalidate removes whatever the keys hold, fences of other writers too.
func (s *Store) Invalidate(ctx context.Context, keys ...string) error {
	return failure(keys, s.del(ctx, keys))
}

// Fence marks keys as about to be written. A key has room for the fences of 255 writers.
func (s *Store) Fence(ctx context.Context, token uint64, d time.Duration, keys ...string) error {
	return failure(keys, s.writes.each(ctx, fenceScript.of(s), tokenCalls(token, d, keys)))
}

// Lift takes the fence of token away, and with it whatever else the keys hold, except for other fences. Where the
// server refuses, for it may be out of memory or scripts may be forbidden, it deletes the key: that frees what a
// probation would have needed, and is an invalidation like any other.
func (s *Store) Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error {
	errs := s.invalidate(ctx, liftScript.of(s), tokenCalls(token, probation, keys))
	var refused []int
	for i, err := range errs {
		if _, told := errors.AsType[redis.Error](err); told {
			refused = append(refused, i)
		}
	}
	if len(refused) > 0 {
		again := make([]string, len(refused))
		for n, i := range refused {
			again[n] = keys[i]
		}
		for n, err := range s.del(ctx, again) {
			i := refused[n]
			if err != nil {
				err = errors.Join(errs[i], err)
			}
			errs[i] = err
		}
	}
	return failure(keys, errs)
}

func tokenCalls(token uint64, d time.Duration, keys []string) []call {
	calls := make([]call, len(keys))
	for i, key := range keys {
		calls[i] = call{key: key, args: []any{binary.BigEndian.AppendUint64(nil, token), micros(d)}}
	}
	return calls
}

// invalidate executes a script for each call, on replicas too if they are asked for.
func (s *Store) invalidate(ctx context.Context, script *redis.Script, calls []call) []error {
	if s.replicated.n > 0 {
		return s.replicated.each(ctx, script, calls)
	}
	return s.writes.each(ctx, script, calls)
}

// del deletes keys, each by a command of its own: on a Cluster they may be anywhere.
func (s *Store) del(ctx context.Context, keys []string) []error {
	if s.replicated.n > 0 {
		calls := make([]call, len(keys))
		for i, key := range keys {
			calls[i].key = key
		}
		return s.replicated.each(ctx, nil, calls)
	}
	errs := make([]error, len(keys))
	for from, to := range batches(len(keys)) {
		pipe := s.writes.client.Pipeline()
		cmds := make([]*redis.Cmd, to-from)
		for i := range cmds {
			cmds[i] = pipe.Do(ctx, "del", keys[from+i])
		}
		s.writes.exec(ctx, 0, pipe, cmds)
		for i, cmd := range cmds {
			errs[from+i] = cmd.Err()
		}
	}
	return errs
}

// failure names the keys that an operation may not have reached.
func failure(keys []string, errs []error) error {
	err := join(errs)
	if err == nil {
		return nil
	}
	failed := &store.KeysError{Err: err}
	for i, key := range keys {
		if errs[i] != nil {
			failed.Keys = append(failed.Keys, key)
		}
	}
	return failed
}

// micros is a time as scripts have it.
func micros(d time.Duration) int64 {
	return min(max(d.Microseconds(), 0), maxMicros)
}
