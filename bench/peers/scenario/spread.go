package scenario

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
)

// A thousand records are stored at once, for ten minutes. When do they expire? And what becomes of a TTL of five
// seconds?
var spread = Scenario{
	Name: result.TTL, Cases: []string{"spread and truth"},
	Fits: func(l adapter.Library, _ string) bool { return !l.OnlyHits && !l.InProcess },
	run: func(ctx context.Context, e *env, _ string) error {
		const keys, ttl, short = 1000, 10 * time.Minute, 5 * time.Second
		client := redis.NewClient(&redis.Options{Addr: e.server.addr})
		defer client.Close() //nolint:errcheck // nothing is lost
		left, err := e.fillAndLook(ctx, client, keys, ttl)
		if err != nil {
			return err
		}
		seconds := map[int]int{}
		busiest := 0
		lowest, highest := time.Hour*1000, time.Duration(0)
		for _, d := range left {
			if d < ttl/2 || d > 2*ttl { // what is not a record, or for ever
				continue
			}
			seconds[int(d/time.Second)]++
			busiest = max(busiest, seconds[int(d/time.Second)])
			lowest, highest = min(lowest, d), max(highest, d)
		}
		e.set("spread_percent", max(float64(highest-lowest)/float64(ttl)*100, 0))
		e.set("busiest_second", float64(busiest))
		if err := client.FlushAll(ctx).Err(); err != nil {
			return err
		}
		left, err = e.fillAndLook(ctx, client, 10, short)
		if err != nil {
			return err
		}
		e.set("asked_5_s_kept_s", median(left).Seconds())
		return nil
	},
}

// fillAndLook stores records and returns how long each key of the server has left; those without an end have an hour.
func (e *env) fillAndLook(
	ctx context.Context, client *redis.Client, keys int64, ttl time.Duration,
) ([]time.Duration, error) {
	c, err := e.cache(&source{}, func(cfg *adapter.Config) { cfg.TTL = ttl })
	if err != nil {
		return nil, err
	}
	var next atomic.Int64
	var errs [32]error
	var group sync.WaitGroup
	for w := range errs {
		group.Go(func() {
			for id := next.Add(1); id <= keys; id = next.Add(1) {
				_, err := c.Get(ctx, id)
				for tries := 0; err != nil && tries < 5; tries++ { // a circuit breaker may have opened
					time.Sleep(200 * time.Millisecond)
					_, err = c.Get(ctx, id)
				}
				errs[w] = errors.Join(errs[w], err)
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	time.Sleep(100 * time.Millisecond) // some store in the background
	var left []time.Duration
	all := client.Scan(ctx, 0, "p*", 1000).Iterator() // the records, and not what a library keeps besides
	for all.Next(ctx) {
		d, err := client.PTTL(ctx, all.Val()).Result()
		if err != nil {
			return nil, err
		}
		if d < 0 {
			d = time.Hour
		}
		left = append(left, d)
	}
	return left, all.Err()
}
