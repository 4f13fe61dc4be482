package redisqueue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/cachet-go/cachet/store"
)

// worker makes the deletes of a shard as they become due.
type worker struct {
	*Queue
	shard

	claims, deletes int // failures in a row
}

func (w *worker) work(ctx context.Context) {
	for {
		pause := time.NewTimer(w.round(ctx))
		select {
		case <-pause.C:
		case <-w.closing:
			pause.Stop()
			return
		}
	}
}

// round claims what is due and deletes it. It returns how long to wait before the next.
func (w *worker) round(ctx context.Context) time.Duration {
	c, err := w.claim(ctx)
	w.note(ctx, &w.claims, err)
	switch {
	case err != nil:
		return w.space.Delay(w.claims)
	case len(c.keys) == 0:
		return c.next
	}
	failed, err := w.delete(ctx, c.keys)
	w.note(ctx, &w.deletes, err)
	// Where this fails, the claims lapse.
	err = errors.Join(
		w.settle(ctx, c, without(c.keys, failed), -1),
		w.settle(ctx, c, failed, w.space.Delay(w.deletes)),
	)
	w.note(ctx, &w.claims, err)
	switch {
	case err != nil:
		return w.space.Delay(w.claims)
	case len(c.keys) == batch:
		return 0
	}
	return breath
}

// note counts failures in a row, and reports the first of them.
func (w *worker) note(ctx context.Context, failures *int, err error) {
	switch {
	case err == nil:
		*failures = 0
		return
	case *failures == 0 && ctx.Err() == nil:
		w.report(ctx, fmt.Errorf("redisqueue: delayed deletes are repeated: %w", err))
	}
	*failures++
}

// delete returns the keys for which it failed. A panic of the store is an error, for the goroutine has nobody to raise
// it in.
func (w *worker) delete(ctx context.Context, keys []string) (failed []string, err error) {
	defer func() {
		if p := recover(); p != nil {
			failed, err = keys, fmt.Errorf("redisqueue: the store panicked: %v", p)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = w.inv.Invalidate(ctx, keys...)
	return store.FailedKeys(err, keys), err
}

func without(keys, failed []string) []string {
	if len(failed) == 0 {
		return keys
	}
	bad := make(map[string]bool, len(failed))
	for _, key := range failed {
		bad[key] = true
	}
	var rest []string
	for _, key := range keys {
		if !bad[key] {
			rest = append(rest, key)
		}
	}
	return rest
}

// claim is a batch of keys in the hands of this process.
type claim struct {
	keys  []string
	lapse int64         // µs on the server's clock; names the claim
	next  time.Duration // until there may be more
}

func (w *worker) claim(ctx context.Context) (claim, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	reply, err := claimScript.Run(
		ctx, w.client, []string{w.due, w.claimed}, micros(claimTerm), batch,
	).Slice()
	if err != nil {
		return claim{}, err
	}
	return parse(reply)
}

func parse(reply []any) (claim, error) {
	var c claim
	if len(reply) < 2 {
		return claim{}, fmt.Errorf("redisqueue: odd reply: %v", reply)
	}
	for i, part := range reply {
		n, isNumber := part.(int64)
		key, isKey := part.(string)
		switch {
		case i == 0 && isNumber:
			c.lapse = n
		case i == 1 && isNumber:
			// Processes that wait for the same delete do not all come at once.
			c.next = min(time.Duration(n)*time.Microsecond+rand.N(2*breath), poll) //nolint:gosec // no secret
		case i > 1 && isKey:
			c.keys = append(c.keys, key)
		default:
			return claim{}, fmt.Errorf("redisqueue: odd reply: %v", reply)
		}
	}
	return c, nil
}

// settle ends the claim on keys: they are done or, if pause is not negative, to be claimed again after it. What was
// claimed again since is left alone.
func (w *worker) settle(ctx context.Context, c claim, keys []string, pause time.Duration) error {
	if len(keys) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	args := append(make([]any, 0, 2+len(keys)), c.lapse, int64(-1))
	if pause >= 0 {
		args[1] = micros(pause)
	}
	for _, key := range keys {
		args = append(args, key)
	}
	return settleScript.Run(ctx, w.client, []string{w.claimed}, args...).Err()
}
