package cachet_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/store"
)

// skewed is a store as a process sees it whose clock is behind by a time, or ahead.
type skewed struct {
	store.Store
	behind time.Duration
}

func (s skewed) turn(rec *store.Record) {
	if rec.Kind == store.Value {
		rec.Born += s.behind.Milliseconds()
	}
}

func (s skewed) Get(ctx context.Context, key string) (store.Record, error) {
	rec, err := s.Store.Get(ctx, key)
	s.turn(&rec)
	return rec, err
}

func (s skewed) Lease(ctx context.Context, asks ...store.Ask) []store.Grant {
	grants := s.Store.Lease(ctx, asks...)
	for i := range grants {
		s.turn(&grants[i].Record)
	}
	return grants
}

// A clock that is ahead costs loads, one that is behind forgoes refreshes. Neither serves what was overwritten, or
// anything past its time in the store.
func TestAReaderWhoseClockIsWrongServesNothingOld(t *testing.T) {
	for name, behind := range map[string]time.Duration{"ahead": -time.Hour, "behind": time.Hour} {
		t.Run(name, func(t *testing.T) {
			newBed(t).memory(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v1"})
				cfg := src.config(false)
				cfg.TTL, cfg.StaleTTL, cfg.EarlyRefresh, cfg.Jitter = time.Minute, time.Minute, 1, -1
				right, wrong := open(t, p, cfg), open(t, skewed{p, behind}, cfg)
				require.Equal(t, "v1", get(t, right))
				require.Equal(t, "v1", get(t, wrong))
				require.NoError(t, right.Update(t.Context(), "k", src.write("k", "v2")))
				require.Equal(t, "v2", get(t, wrong))
				require.Equal(t, "v2", get(t, right))
				require.NoError(t, wrong.Update(t.Context(), "k", src.write("k", "v3")))
				require.Equal(t, "v3", get(t, right))
				require.Equal(t, "v3", get(t, wrong))

				src.set("k", "v4") // past the cache
				time.Sleep(2 * time.Minute)
				require.Equal(t, "v4", get(t, wrong))
			})
		})
	}
}

// Were it prolonged, a lost invalidation of a hot key would never heal.
func TestAHitDoesNotProlongTheTTL(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.TTL = 300 * time.Millisecond
		c := open(t, p, cfg)
		require.Equal(t, "v1", get(t, c))
		src.set("k", "v2")
		began := time.Now()
		until(t, "v2 is read", func() bool { return get(t, c) == "v2" })
		if p.inBubble() {
			require.LessOrEqual(t, time.Since(began), cfg.TTL)
		}
	})
}
