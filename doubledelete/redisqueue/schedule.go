package redisqueue

import (
	"context"
	"errors"
	"hash/crc32"
	"slices"
	"sync"
	"time"

	"github.com/cachet-go/cachet/store"
)

// Schedule has keys deleted once delay is over. One that is scheduled already keeps the later of the two times. Where
// an error is returned, a *store.KeysError names the keys that may not be scheduled.
func (q *Queue) Schedule(ctx context.Context, delay time.Duration, keys ...string) error {
	var parts [shards][]string
	for _, key := range keys {
		i := crc32.ChecksumIEEE([]byte(key)) % shards
		parts[i] = append(parts[i], key)
	}
	var (
		calls  sync.WaitGroup
		mu     sync.Mutex
		failed []string // guarded by mu
		errs   []error  // guarded by mu
	)
	for i, part := range parts {
		for some := range slices.Chunk(part, batch) {
			calls.Go(func() {
				if err := q.schedule(ctx, q.shards[i], delay, some); err != nil {
					mu.Lock()
					defer mu.Unlock()
					failed = append(failed, some...)
					errs = append(errs, err)
				}
			})
		}
	}
	calls.Wait()
	if len(errs) == 0 {
		return nil
	}
	return &store.KeysError{Keys: failed, Err: errors.Join(errs...)}
}

func (q *Queue) schedule(ctx context.Context, s shard, delay time.Duration, keys []string) error {
	args := append(make([]any, 0, 1+len(keys)), micros(delay))
	for _, key := range keys {
		args = append(args, key)
	}
	return scheduleScript.Run(ctx, q.client, []string{s.due}, args...).Err()
}

// micros rounds up: no delete is made before its time.
func micros(d time.Duration) int64 {
	return (max(d, 0) + time.Microsecond - 1).Microseconds()
}
