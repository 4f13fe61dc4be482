package aside

import (
	"context"
	"errors"

	"github.com/cachet-go/cachet/store"
)

// Refresh replaces values in the background, except for those that somebody in any process is refreshing. They
// stay readable, and their deadlines where they were, until the new ones are stored.
func (r *Reader) Refresh(ctx context.Context, seen []Seen, load Loader) {
	var jobs []*job
	for place, s := range seen {
		if r.beginRefresh(s.ask.Key) {
			f, _ := r.flights.Alone(ctx)
			jobs = append(jobs, &job{flight: f, ask: s.ask, place: place})
		}
	}
	if len(jobs) > 0 {
		go r.refresh(ctx, jobs, load) //nolint:gosec // it outlives the request on purpose
	}
}

func (r *Reader) refresh(ctx context.Context, jobs []*job, load Loader) {
	r.ask(jobs)
	var granted []*job
	for _, j := range jobs {
		if j.grant.Granted() {
			granted = append(granted, j)
		} else { // somebody is at it, or a write has taken the value away
			r.endRefresh(j.ask.Key)
		}
	}
	r.stats.Refreshes.Add(int64(len(granted)))
	stop := context.AfterFunc(r.backgroundCtx, func() {
		for _, j := range granted {
			_, _, _ = j.flight.Wait(r.backgroundCtx, j.asked) // leaves, which ends the load
		}
	})
	defer stop()
	go r.settleEach(granted, load) // it returns when the loader does, and the flights end at LoadTimeout
	said := make(map[string]bool)  // a batch fails as one
	for _, j := range granted {
		v, _, _ := j.flight.Wait(context.Background(), j.asked)
		if out, ok := v.(outcome); ok && out.err != nil && r.backgroundCtx.Err() == nil && !said[out.err.Error()] {
			said[out.err.Error()] = true
			r.cfg.Report(ctx, &RefreshError{Key: j.ask.Key, Err: out.err})
		}
		r.endRefresh(j.ask.Key)
	}
}

// beginRefresh lets one refresh per key begin in this process.
func (r *Reader) beginRefresh(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, busy := r.refreshing[key]; busy || r.closed {
		return false
	}
	r.refreshing[key] = struct{}{}
	r.background.Add(1)
	return true
}

func (r *Reader) endRefresh(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.refreshing, key)
	r.background.Done()
}

// Prime stores records of keys where nothing is known of them: not over a value or a known absence, a lease, a
// fence or a probation. Records and keys correspond. It waits for nothing and returns nil for what it left
// alone.
func (r *Reader) Prime(ctx context.Context, keys []string, loads []Load) error {
	var errs []error
	for len(keys) > 0 {
		n := min(len(keys), primed)
		errs = append(errs, r.prime(ctx, keys[:n], loads[:n]))
		keys, loads = keys[n:], loads[n:]
	}
	return errors.Join(errs...)
}

// primed is how many records are leased and stored at a time, lest the leases lapse before the fills come.
const primed = 500

func (r *Reader) prime(ctx context.Context, keys []string, loads []Load) error {
	asks := make([]store.Ask, len(keys))
	for i, k := range keys {
		asks[i].Key = k
	}
	var (
		fills []store.Fill
		back  []store.Held
		errs  []error
	)
	for i, g := range r.cfg.Store.Lease(ctx, asks...) {
		held := store.Held{Key: keys[i], Stamp: g.Stamp}
		switch {
		case g.Err != nil:
			errs = append(errs, g.Err)
		case !g.Granted():
		case g.OnProbation:
			back = append(back, held)
		default:
			fills = append(fills, r.fill(ctx, held, loads[i], 0))
		}
	}
	if len(back) > 0 {
		errs = append(errs, r.cfg.Store.Release(ctx, false, back...))
	}
	if len(fills) > 0 {
		for _, v := range r.cfg.Store.Fill(ctx, fills...) {
			errs = append(errs, v.Err)
		}
	}
	return errors.Join(errs...)
}
