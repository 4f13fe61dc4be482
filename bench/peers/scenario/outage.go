package scenario

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
)

// 2,000 reads a second of 300 records, each with a second of time; a load takes 20 ms. Redis goes away for five
// seconds: it is killed, so that connections are refused, or frozen, so that they are accepted and not served.
var outage = Scenario{
	Name: result.Outage, Cases: []string{result.Killed, result.Frozen},
	Fits: func(l adapter.Library, _ string) bool { return !l.OnlyHits && !l.InProcess },
	run: func(ctx context.Context, e *env, of string) error {
		src := new(source)
		c, err := e.cache(src, func(cfg *adapter.Config) { cfg.Impatient = true })
		if err != nil {
			return err
		}
		o := &readers{src: src, cache: c, keys: 300}
		for id := range int64(o.keys) {
			if _, err := c.Get(ctx, id); err != nil {
				return err
			}
		}
		src.takes(20 * time.Millisecond)
		before, away, after := time.Second, 5*time.Second, 4*time.Second
		if e.quick {
			away, after = 2*time.Second, 2*time.Second
		}
		stop := o.start(ctx)
		time.Sleep(before)
		src.most.Store(0)
		gone := time.Now()
		if of == result.Killed {
			e.server.kill()
		} else {
			e.server.freeze()
		}
		time.Sleep(away)
		if of == result.Killed {
			if err := e.server.start(); err != nil {
				return err
			}
		} else {
			e.server.thaw()
		}
		back := time.Now()
		most := src.most.Load()
		time.Sleep(after)
		stop()
		e.series = o.points()
		o.judge(e, gone, back)
		e.set("loads_in_flight", float64(most))
		return nil
	},
}

// slice is how long a point of the series is.
const slice = 100 * time.Millisecond

// readers read at a steady pace, whether or not they are answered.
type readers struct {
	src    *source
	cache  adapter.Cache
	keys   int
	began  time.Time
	before int64 // loads until then

	mu     sync.Mutex
	reads  []read  // guarded by mu
	loaded []int64 // loads so far, at the end of each slice; guarded by mu
}

type read struct {
	at, took time.Duration
	failed   bool
}

func (o *readers) start(ctx context.Context) (stop func()) {
	o.began, o.before = time.Now(), o.src.loads.Load()
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	all.Go(func() {
		due := 0
		for ctx.Err() == nil {
			time.Sleep(2 * time.Millisecond)
			for ; due < int(time.Since(o.began)/(500*time.Microsecond)); due++ {
				all.Go(func() { o.read(rand.Int64N(int64(o.keys))) })
			}
			o.mu.Lock()
			for len(o.loaded) < int(time.Since(o.began)/slice) {
				o.loaded = append(o.loaded, o.src.loads.Load())
			}
			o.mu.Unlock()
		}
	})
	return func() {
		cancel()
		all.Wait()
	}
}

func (o *readers) read(id int64) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	start := time.Now()
	_, err := o.cache.Get(ctx, id)
	took := time.Since(start)
	// Who answers after the deadline answers nobody.
	r := read{at: start.Sub(o.began), took: took, failed: err != nil || took > 1100*time.Millisecond}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reads = append(o.reads, r)
}

// points sums up slice by slice, by when a read began.
func (o *readers) points() []result.Point {
	points := make([]result.Point, len(o.loaded))
	took := make([][]time.Duration, len(points))
	for _, r := range o.reads {
		at := int(r.at / slice)
		if at >= len(points) {
			continue
		}
		if r.failed {
			points[at].Failed++
		} else {
			points[at].Reads++
		}
		took[at] = append(took[at], r.took)
	}
	before := o.before
	for i := range points {
		points[i].At = float64(i) / float64(time.Second/slice)
		points[i].Loads = int(o.loaded[i] - before)
		before = o.loaded[i]
		slices.Sort(took[i])
		if len(took[i]) > 0 {
			points[i].P99 = ms(took[i][len(took[i])*99/100].Round(10 * time.Microsecond))
		}
	}
	return points
}

// judge sets what is to be known of an outage. It is over for the readers when, for half a second, none has failed and
// at most one read in five was a load: a server that was killed comes back empty, and is filled again.
func (o *readers) judge(e *env, gone, back time.Time) {
	failed, total := 0, 0
	var slowest time.Duration
	for _, r := range o.reads {
		total++
		if r.failed {
			failed++
		}
		slowest = max(slowest, r.took)
	}
	e.set("reads", float64(total))
	e.set("failed", float64(failed))
	e.set("failed_percent", float64(failed)/float64(total)*100)
	e.set("slowest_ms", ms(slowest))
	e.set("away_from_s", gone.Sub(o.began).Seconds())
	e.set("away_to_s", back.Sub(o.began).Seconds())
	e.set("recovery_ms", -1)
	returned := back.Sub(o.began)
	calm := 0
	for i, p := range e.series {
		at := time.Duration(i) * slice
		if at < returned.Truncate(slice) {
			continue
		}
		if p.Failed > 0 || p.Loads*5 > p.Reads {
			calm = 0
			continue
		}
		calm++
		if calm == 5 {
			e.set("recovery_ms", max(ms(at-4*slice-returned), 0))
			return
		}
	}
}
