package redisstore

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// crowd sends the look-ups of many callers together. A few callers are served fastest over a connection each. More
// of them cost a write, a read and a wake-up apiece, which is most of what a look-up costs; in batches they share
// these. Below the limit a caller pays an atomic counter for that.
//
// While one batch is under way the next gathers, and nobody waits for company. A batch is written in parts of some
// hundred look-ups.
type crowd struct {
	present atomic.Int64 // callers, by either way
	few     int64
	client  *redis.Client

	begin sync.Once
	pipe  *redis.AutoPipeliner // nil: never begun, or closed before
}

const (
	// fewPerCore callers keep a core busy.
	fewPerCore = 8
	// writeBytes is how many bytes of commands go in one write, some hundred look-ups: what is asked for has to
	// arrive within one time-out, and nothing tells how large it is.
	writeBytes = 8 << 10
)

func newCrowd(client *redis.Client) *crowd {
	few := min(fewPerCore*runtime.GOMAXPROCS(0), client.Options().PoolSize)
	return &crowd{client: client, few: int64(few)}
}

// enter counts a caller in, until leave. It reports whether there are many.
func (c *crowd) enter() bool { return c.present.Add(1) > c.few }

func (c *crowd) leave() { c.present.Add(-1) }

// get looks a key up together with others. It returns redis.ErrClosed if that cannot be had.
func (c *crowd) get(ctx context.Context, key string) ([]byte, error) {
	c.begin.Do(func() {
		opts := redis.DefaultAutoPipelineOptions()
		opts.MaxBatchBytes = writeBytes
		c.pipe, _ = c.client.AsyncAutoPipelineWithOptions(opts) // refuses options only
	})
	if c.pipe == nil {
		return nil, redis.ErrClosed
	}
	cmd := redis.NewStringCmd(ctx, "get", key)
	// A command whose caller has left is carried out all the same, so it must not be looked at.
	if err := c.pipe.Submit(ctx, cmd).WaitContext(ctx); err != nil && ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return cmd.Bytes()
}

// close ends the goroutines that send. From then on every caller has a connection.
func (c *crowd) close() {
	if c == nil {
		return
	}
	c.begin.Do(func() {})
	if c.pipe == nil {
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = c.pipe.Close() // what it could not send, its callers have been told
	}()
	select {
	case <-done:
	case <-time.After(parting): // a batch that dials is waited for by nobody
	}
}
