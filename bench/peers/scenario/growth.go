package scenario

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
	"github.com/cachet-go/cachet/store/redisstore"
)

// Does a hit cost more the more there is? Of keys in Redis, and of caches in the process.
var growth = Scenario{
	Name: result.Growth, Cases: []string{"keys", "caches"},
	Fits: func(l adapter.Library, _ string) bool { return l.Name == result.Ours },
	run: func(ctx context.Context, e *env, of string) error {
		if of == "keys" {
			return e.moreKeys(ctx)
		}
		return e.moreCaches(ctx)
	},
}

// moreKeys measures hits of random keys against GETs of as many, which meet the same server and the same processor's
// caches.
func (e *env) moreKeys(ctx context.Context) error {
	src := new(source)
	c, err := e.cache(src)
	if err != nil {
		return err
	}
	batch, ok := c.(adapter.Batch)
	if !ok {
		return errors.New("it has no batch")
	}
	naive := e.naive(src)
	sizes := []int64{1_000, 100_000}
	if e.large {
		sizes = append(sizes, 5_000_000)
	}
	stored := int64(0)
	for _, size := range sizes {
		for ; stored < size; stored += 1000 {
			ids := make([]int64, 1000)
			for i := range ids {
				ids[i] = stored + int64(i)
			}
			for before := int64(-1); before != src.loads.Load(); { // until it stays
				before = src.loads.Load()
				if _, err := batch.GetMany(ctx, ids); err != nil {
					return err
				}
			}
			if err := naive.Put(ctx, ids...); err != nil {
				return err
			}
		}
		time.Sleep(200 * time.Millisecond)
		before := src.loads.Load()
		mine, theirs, err := pair(e.span(4*time.Second),
			func() error { _, err := c.Get(ctx, rand.Int64N(size)); return err },
			func() error { _, err := naive.Get(ctx, rand.Int64N(size)); return err })
		if err != nil {
			return err
		}
		if src.loads.Load() > before+10 {
			return errors.New("these were no hits")
		}
		e.set(fmt.Sprintf("us_%d", size), us(mine))
		e.set(fmt.Sprintf("ratio_%d", size), float64(mine)/float64(theirs))
	}
	return nil
}

// moreCaches measures the processor's time per read when reads go to one cache, or to ten or a hundred in turn, which
// share a store as those of a program do. The turns of the three are short, in any order, and compared with another:
// what a wait costs the processor changes from second to second.
func (e *env) moreCaches(ctx context.Context) error {
	client := redis.NewClient(&redis.Options{Addr: e.server.addr})
	st := redisstore.New(client, redisstore.Options{})
	e.closers = append(e.closers, st.Close, client.Close)
	caches := make([]*cachet.Cache[int64, adapter.Product], 100)
	for i := range caches {
		var err error
		caches[i], err = cachet.New(st, cachet.Config[int64, adapter.Product]{
			Name: "p" + strconv.Itoa(i), Load: new(source).load, TTL: time.Hour,
		})
		if err != nil {
			return err
		}
		if _, err := caches[i].Get(ctx, 1); err != nil {
			return err
		}
	}
	counts := [3]int{1, 10, 100}
	var ratios [3][]float64
	for range e.times(600) {
		var spent [3]time.Duration
		for _, which := range rand.Perm(len(counts)) {
			const reads = 200
			n := counts[which]
			start := processorTime()
			for i := range reads {
				if _, err := caches[i%n].Get(ctx, 1); err != nil {
					return err
				}
			}
			spent[which] = processorTime() - start
		}
		for which := range counts {
			ratios[which] = append(ratios[which], float64(spent[which])/float64(max(spent[0], 1)))
		}
	}
	for which, n := range counts {
		slices.Sort(ratios[which])
		e.set(fmt.Sprintf("cpu_ratio_%d", n), ratios[which][len(ratios[which])/2])
	}
	return nil
}

// processorTime is what this process has used.
func processorTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
