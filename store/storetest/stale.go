package storetest

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cachet-go/cachet/store"
)

// race is a source that one writer changes and invalidates while readers fill from it.
type race struct {
	*subject
	key         string
	source      atomic.Int64 // the version that is committed
	oldest      atomic.Int64 // the version that no read which begins now may be behind
	hits, stale atomic.Int64
}

func neverStale(s *subject) {
	const (
		clients = 6
		rounds  = 300 * time.Millisecond
	)
	r := &race{subject: s, key: s.key("k")}
	until := time.Now().Add(rounds)
	together(clients, func(client int) {
		do := r.read
		if client == 0 {
			do = r.write
		}
		for n := client; time.Now().Before(until); n++ {
			if err := do(n); err != nil {
				s.Errorf("%v", err)
				return
			}
		}
	})
	if n := r.stale.Load(); n > 0 {
		s.Errorf("%d of %d hits were older than an invalidation that had returned before them", n, r.hits.Load())
	}
}

// write commits the next version and invalidates, each time in another manner.
func (r *race) write(n int) error {
	ctx, token := r.Context(), uint64(n)+1
	version := r.source.Add(1)
	var err error
	switch n % 3 {
	case 0:
		err = r.Store.Invalidate(ctx, r.key)
	case 1:
		err = r.Lift(ctx, 0, 0, r.key)
	default:
		if err = r.Fence(ctx, token, time.Second, r.key); err == nil {
			err = r.Lift(ctx, token, 0, r.key)
		}
	}
	if err == nil {
		r.oldest.Store(version)
	}
	time.Sleep(time.Duration(n%7) * time.Millisecond / 2)
	return err
}

// read looks the key up, and loads and fills where it is let.
func (r *race) read(n int) error {
	ctx, oldest := r.Context(), r.oldest.Load()
	rec, err := r.Get(ctx, r.key)
	if err != nil {
		return err
	}
	if rec.Kind == store.Value {
		r.hits.Add(1)
		if version, err := strconv.ParseInt(string(rec.Payload), 10, 64); err != nil || version < oldest {
			r.stale.Add(1)
		}
	}
	ask := store.Ask{Key: r.key}
	if n%4 == 0 {
		ask.Mode, ask.Hold = store.Refresh, time.Second
	}
	g := r.Lease(ctx, ask)[0]
	if !g.Granted() {
		return g.Err
	}
	payload := strconv.AppendInt(nil, r.source.Load(), 10)
	time.Sleep(time.Duration(n%5) * time.Millisecond / 4)
	held := store.Held{Key: r.key, Stamp: g.Stamp}
	return r.Fill(ctx, store.Fill{Held: held, Payload: payload, TTL: time.Minute})[0].Err
}
