package aside

import (
	"context"
	"errors"

	"github.com/cachet-go/cachet/store"
)

// Refresh replaces a value in the background, if nobody else in any process is about to. The value stays
// readable and its deadline where it was until the new one is stored.
func (r *Reader) Refresh(ctx context.Context, seen Seen, load Loader) {
	if !r.beginRefresh(seen.ask.Key) {
		return
	}
	go func() {
		defer r.endRefresh(seen.ask.Key)
		f, ticket := r.flights.Alone(ctx)
		j := &job{flight: f, ask: seen.ask}
		r.ask([]*job{j})
		if !j.grant.Granted() {
			f.Finish(outcome{}, ticket) // somebody is at it, or a write has taken the value away
			return
		}
		r.stats.Refreshes.Add(1)
		settled := make(chan struct{})
		go func() {
			defer close(settled)
			r.settle([]*job{j}, load)
		}()
		v, _, err := f.Wait(r.backgroundCtx, ticket)
		<-settled
		if err != nil {
			return // the cache is closed
		}
		if out, ok := v.(outcome); ok && out.err != nil {
			r.cfg.Report(ctx, &RefreshError{Key: seen.ask.Key, Err: out.err})
		}
	}()
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
