package cachet_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
)

// reports collects what goes to Hooks.Error.
type reports struct {
	mu   sync.Mutex
	errs []error
}

func (r *reports) hook(_ context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func (r *reports) all() []error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]error(nil), r.errs...)
}

// lasting makes a Config whose records go stale soon and stay for a while.
func lasting(src *source, batch bool) cachet.Config[string, string] {
	cfg := src.config(batch)
	cfg.TTL, cfg.Jitter, cfg.StaleTTL = 100*time.Millisecond, -1, time.Minute
	return cfg
}

func awaitStale(t *testing.T, c *cachet.Cache[string, string], key string) {
	t.Helper()
	until(t, "it goes stale", func() bool {
		e, ok, err := c.Peek(t.Context(), key)
		require.NoError(t, err)
		return ok && e.Stale
	})
}

func TestStaleRecordIsServedWhileOneProcessRefreshesIt(t *testing.T) {
	b := newBed(t)
	for name, read := range ways {
		if name == "Fresh" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v1"})
				refresh := src.hold(t, 2)
				one, two := open(t, p, lasting(src, false)), open(t, p, lasting(src, true))
				_, err := one.Get(t.Context(), "k")
				require.NoError(t, err)
				awaitStale(t, one, "k")
				src.set("k", "v2") // read by the refresh
				for range 20 {
					for _, c := range []*cachet.Cache[string, string]{one, two} {
						v, err := read(t.Context(), c, "k")
						require.NoError(t, err)
						require.Equal(t, "v1", v)
					}
				}
				refresh.awaitRead(t)
				require.EqualValues(t, 40, one.Stats().StaleHits+two.Stats().StaleHits)
				refresh.resume()
				until(t, "the new value is served", func() bool {
					v, err := read(t.Context(), one, "k")
					require.NoError(t, err)
					return v == "v2"
				})
				require.NoError(t, one.Close())
				require.NoError(t, two.Close())
			})
		})
	}
}

func TestManyReadersOfAStaleRecordCauseOneRefresh(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		caches := []*cachet.Cache[string, string]{open(t, p, lasting(src, false)), open(t, p, lasting(src, false))}
		_, err := caches[0].Get(t.Context(), "k")
		require.NoError(t, err)
		time.Sleep(time.Second)
		refresh := src.hold(t, 2)
		for i := range 100 {
			go func() {
				v, err := caches[i%2].Get(t.Context(), "k")
				assert.NoError(t, err)
				assert.Equal(t, "v1", v)
			}()
		}
		synctest.Wait()
		require.Equal(t, 2, src.count())
		time.Sleep(4 * time.Second) // nearly LoadTimeout
		v, err := caches[1].Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v1", v)
		synctest.Wait()
		require.Equal(t, 2, src.count(), "the claim did not last as long as the load may")
		refresh.resume()
		synctest.Wait()
		require.EqualValues(t, 1, caches[0].Stats().Refreshes+caches[1].Stats().Refreshes)
	})
}

// Neither failed refreshes nor anything else pushes the end of a record out.
func TestStaleDeadlineIsAbsolute(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		var calls atomic.Int64
		var log reports
		c := open(t, p, cachet.Config[string, string]{
			TTL: 10 * time.Second, Jitter: -1, StaleTTL: 5 * time.Second, Hooks: cachet.Hooks{Error: log.hook},
			Load: func(context.Context, string) (string, error) {
				if calls.Add(1) == 1 {
					return "v1", nil
				}
				time.Sleep(10 * time.Millisecond)
				return "", errSource
			},
		})
		start := time.Now()
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		for time.Since(start) < 15*time.Second {
			v, err := c.Get(t.Context(), "k")
			require.NoError(t, err, "after %v", time.Since(start))
			require.Equal(t, "v1", v)
			time.Sleep(50 * time.Millisecond)
		}
		synctest.Wait()
		tried := calls.Load() - 1
		require.InDelta(t, 5, tried, 2, "a broken source is tried without pause, or not again")
		require.Len(t, log.all(), int(tried))
		var failed *aside.RefreshError
		require.ErrorAs(t, log.all()[0], &failed)
		require.ErrorIs(t, failed, errSource)
		require.Equal(t, "test:k", failed.Key)

		_, err = c.Get(t.Context(), "k")
		require.ErrorIs(t, err, errSource, "the record outlived its deadline")
	})
}

func TestStaleRecordIsServedWhileTheSourceFails(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var log reports
		var calls atomic.Int64
		cfg := lasting(newSource(nil), false)
		cfg.Hooks.Error = log.hook
		cfg.Load = func(context.Context, string) (string, error) {
			if calls.Add(1) == 1 {
				return "v1", nil
			}
			return "", errSource
		}
		c := open(t, p, cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		awaitStale(t, c, "k")
		until(t, "a refresh has failed", func() bool {
			v, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, "v1", v)
			return len(log.all()) > 0
		})
		require.ErrorIs(t, log.all()[0], errSource)
	})
}

func TestRecordIsNeverServedStaleAfterAWrite(t *testing.T) {
	b := newBed(t)
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v1"})
				c := open(t, p, lasting(src, false))
				_, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				awaitStale(t, c, "k")
				require.NoError(t, write(t.Context(), c, src, "k", "v2"))
				for range 3 {
					v, err := c.Get(t.Context(), "k")
					require.NoError(t, err)
					require.Equal(t, "v2", v)
				}
				require.Zero(t, c.Stats().StaleHits)
			})
		})
	}
}

// A refresh has read v1 and stalls. v2 is written, or the record deleted. v1 must not come back.
func TestRefreshThatAWriteHasOvertakenStoresNothing(t *testing.T) {
	b := newBed(t)
	early := func(cfg *cachet.Config[string, string]) {
		cfg.TTL, cfg.StaleTTL, cfg.EarlyRefresh = time.Hour, 0, 1e12
	}
	stale := func(*cachet.Config[string, string]) {}
	for kind, change := range map[string]func(*cachet.Config[string, string]){"early": early, "stale": stale} {
		for name, write := range writers {
			for strategy, how := range strategies {
				t.Run(kind+"/"+name+"/"+strategy, func(t *testing.T) {
					b.each(t, func(t *testing.T, p place) {
						src := newSource(map[string]string{"k": "v1"})
						src.takes = time.Millisecond
						refresh := src.hold(t, 2)
						cfg := lasting(src, false)
						cfg.Strategy = how
						change(&cfg)
						c := open(t, p, cfg)
						_, err := c.Get(t.Context(), "k")
						require.NoError(t, err)
						if kind == "stale" {
							awaitStale(t, c, "k")
						}
						v, err := c.Get(t.Context(), "k")
						require.NoError(t, err)
						require.Equal(t, "v1", v)
						refresh.awaitRead(t)
						require.NoError(t, write(t.Context(), c, src, "k", "v2"))
						allRead(t, "v2", joins(t.Context(), c))
						refresh.resume()
						until(t, "the refresh ends", func() bool { return c.Stats().Refused >= 1 })
						allRead(t, "v2", joins(t.Context(), c))
						require.NoError(t, c.Close())
						allRead(t, "v2", joins(t.Context(), c))
					})
				})
			}
		}
	}
}

func TestRefreshThatFindsTheRecordGoneRemembersThat(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		c := open(t, p, lasting(src, true))
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		awaitStale(t, c, "k")
		src.mu.Lock()
		delete(src.rows, "k")
		src.mu.Unlock()
		until(t, "it is known to be gone", func() bool {
			_, err := c.Get(t.Context(), "k")
			return err == cachet.ErrNotFound
		})
		require.Equal(t, 2, src.count())
	})
}

func TestAbsenceIsNeverServedStale(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		src := newSource(nil)
		cfg := src.config(false)
		cfg.NotFoundTTL, cfg.StaleTTL, cfg.EarlyRefresh, cfg.Jitter = time.Second, time.Hour, 1, -1
		c := open(t, p, cfg)
		_, err := c.Get(t.Context(), "k")
		require.Equal(t, cachet.ErrNotFound, err)
		time.Sleep(999 * time.Millisecond)
		_, err = c.Get(t.Context(), "k")
		require.Equal(t, cachet.ErrNotFound, err)
		require.Equal(t, 1, src.count())
		src.set("k", "v1")
		time.Sleep(time.Millisecond)
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v1", v)
	})
}

// A refresh belongs to the cache and not to the reader who found it due.
func TestRefreshSurvivesItsReaderAndPanicsToNobody(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var log reports
		var calls atomic.Int64
		began, end := make(chan struct{}), make(chan struct{})
		cfg := lasting(newSource(nil), false)
		cfg.Hooks.Error = log.hook
		cfg.Load = func(ctx context.Context, _ string) (string, error) {
			if calls.Add(1) == 1 {
				return "v1", nil
			}
			close(began)
			select {
			case <-end:
				panic("boom")
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		c := open(t, p, cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		awaitStale(t, c, "k")
		ctx, cancel := context.WithCancel(t.Context())
		_, err = c.Get(ctx, "k")
		require.NoError(t, err)
		receive(t, "the refresh begins", began)
		cancel()
		settled()
		close(end)
		until(t, "it is reported", func() bool { return len(log.all()) > 0 })
		var p1 *cachet.PanicError
		require.ErrorAs(t, log.all()[0], &p1)
		require.Equal(t, "boom", p1.Value)
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v1", v)
	})
}

// Close cancels a refresh and waits for it.
func TestCloseEndsRefreshes(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var log reports
		src := newSource(map[string]string{"k": "v1"})
		refresh := src.hold(t, 2)
		cfg := lasting(src, false)
		cfg.Hooks.Error = log.hook
		c := open(t, p, cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		awaitStale(t, c, "k")
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		refresh.awaitRead(t)
		start := time.Now()
		require.NoError(t, c.Close())
		require.Less(t, time.Since(start), p.about(50*time.Millisecond))
		require.Empty(t, log.all(), "that the cache was closed is no failure")
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v1", v)
		settled()
		require.Equal(t, 2, src.count(), "a closed cache refreshes")
	})
}

// At the very end of its TTL a record is not fresh any more.
func TestRecordIsNoLongerFreshWhenItsTTLIsOver(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.TTL, cfg.Jitter, cfg.StaleTTL = time.Second, -1, time.Minute
		c := open(t, p, cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.set("k", "v2")
		time.Sleep(time.Second - time.Millisecond)
		v, err := c.Get(t.Context(), "k", cachet.MaxStale(0))
		require.NoError(t, err)
		require.Equal(t, "v1", v)
		time.Sleep(time.Millisecond)
		v, err = c.Get(t.Context(), "k", cachet.MaxStale(0))
		require.NoError(t, err)
		require.Equal(t, "v2", v)
	})
}
