package redisstore

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
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
	refused, again := refusals(keys, errs)
	for n, err := range s.del(ctx, again) {
		i := refused[n]
		if err != nil {
			err = errors.Join(errs[i], err)
		}
		errs[i] = err
	}
	return failure(keys, errs)
}

// refusals returns the keys for which the server has told why not, and their indexes.
func refusals(keys []string, errs []error) (at []int, refused []string) {
	for i, err := range errs {
		if _, told := errors.AsType[redis.Error](err); told {
			at, refused = append(at, i), append(refused, keys[i])
		}
	}
	return at, refused
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

// keysPerDel bounds the keys of one DEL, which the server executes in one go.
const keysPerDel = 100

// del deletes keys, by as few commands as it may: on a Cluster they may be anywhere, so each has its own. Where the
// server refuses a command for many, it may be for one of them, which the user has no right to; then each has its own
// as well.
func (s *Store) del(ctx context.Context, keys []string) []error {
	if s.replicated.n > 0 {
		calls := make([]call, len(keys))
		for i, key := range keys {
			calls[i].key = key
		}
		return s.replicated.each(ctx, nil, calls)
	}
	if !s.single || len(keys) == 1 {
		return s.delBy(ctx, 1, keys)
	}
	errs := s.delBy(ctx, keysPerDel, keys)
	at, refused := refusals(keys, errs)
	for n, err := range s.delBy(ctx, 1, refused) {
		errs[at[n]] = err
	}
	return errs
}

// delBy deletes keys by commands for up to width of them.
func (s *Store) delBy(ctx context.Context, width int, keys []string) []error {
	errs := make([]error, len(keys))
	for from, to := range batches(len(keys)) {
		pipe := s.writes.client.Pipeline()
		cmds := make([]*redis.Cmd, 0, (to-from+width-1)/width)
		for part := range slices.Chunk(keys[from:to], width) {
			args := make([]any, 1, 1+len(part))
			args[0] = "del"
			for _, key := range part {
				args = append(args, key)
			}
			cmds = append(cmds, pipe.Do(ctx, args...))
		}
		s.writes.exec(ctx, 0, pipe, cmds)
		for i := range errs[from:to] {
			errs[from+i] = cmds[i/width].Err()
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
