package cachet_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/store/memstore"
)

func TestVerifySurvivesWhatALoaderDoes(t *testing.T) {
	cases := map[string]func(context.Context) (string, error){
		"error":   func(context.Context) (string, error) { return "", errSource },
		"panic":   func(context.Context) (string, error) { panic("boom") },
		"Goexit":  func(context.Context) (string, error) { runtime.Goexit(); return "", nil },
		"hanging": func(ctx context.Context) (string, error) { <-ctx.Done(); time.Sleep(time.Hour); return "", nil },
	}
	for name, load := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var broken atomic.Bool
				var told atomic.Int64
				cfg := cachet.Config[string, string]{
					Load: func(ctx context.Context, _ string) (string, error) {
						if broken.Load() {
							return load(ctx)
						}
						return "v", nil
					},
					Verify: everyHit, TTL: 24 * time.Hour,
				}
				cfg.Hooks.Error = func(_ context.Context, err error) {
					require.True(t, strings.Contains(err.Error(), "boom"), "%v", err)
					told.Add(1)
				}
				c := open(t, memstore.New(), cfg)
				_, err := c.Get(t.Context(), "k")
				require.NoError(t, err)
				broken.Store(true)
				for range 5 {
					v, err := c.Get(t.Context(), "k")
					require.NoError(t, err)
					require.Equal(t, "v", v)
				}
				time.Sleep(time.Minute)
				s := c.Stats()
				require.Equal(t, int64(5), s.VerifyErrors)
				require.Zero(t, s.LoadErrors)
				if name == "panic" {
					require.Equal(t, int64(5), told.Load())
				}
				broken.Store(false)
				time.Sleep(2 * time.Hour)
				_, err = c.Get(t.Context(), "k")
				require.NoError(t, err)
				require.Equal(t, int64(1), judged(t, c.Stats).Verified)
			})
		})
	}
}

func TestVerifySurvivesAPanicOfEqual(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(map[string]string{"k": "old"})
		cfg := src.config(false)
		cfg.Verify = everyHit
		cfg.Equal = func(string, string) bool { panic("boom") }
		c := open(t, memstore.New(), cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.set("k", "new")
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, int64(1), judged(t, c.Stats).VerifyErrors)
	})
}

// A verifier must not cost more because more is wrong, and what it leaves out it counts.
func TestVerifyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var under, most atomic.Int64
		slow := false
		cfg := cachet.Config[string, string]{
			Load: func(ctx context.Context, _ string) (string, error) {
				if slow {
					most.Store(max(most.Load(), under.Add(1)))
					defer under.Add(-1)
					time.Sleep(100 * time.Millisecond)
				}
				return fmt.Sprint(time.Now().UnixNano()), nil
			},
			Verify: cachet.Verify{Rate: 1, Within: time.Minute, PerSecond: 50, MaxLoads: 3},
			TTL:    time.Hour,
		}
		c := open(t, memstore.New(), cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		slow = true
		began := time.Now()
		for range 1000 {
			_, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
		}
		require.Zero(t, time.Since(began), "a hit waits for no comparison")
		require.Equal(t, int64(950), c.Stats().VerifyDropped)
		time.Sleep(time.Second)
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, int64(950), c.Stats().VerifyDropped, "a second later there is room again")
		time.Sleep(2 * time.Minute)
		require.Equal(t, int64(3), most.Load())
		require.Equal(t, int64(51), judged(t, c.Stats).Inconsistent)
	})
}

// Comparisons that wait for their second look keep others out before it is known how those would end. Otherwise only
// those that agree would be counted.
func TestVerifyWithNoRoomLeftJudgesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(map[string]string{"bad": "old", "good": "v"})
		cfg := src.config(false)
		cfg.Verify, cfg.TTL = everyHit, time.Hour
		c := open(t, memstore.New(), cfg)
		_, err := c.GetMany(t.Context(), []string{"bad", "good"})
		require.NoError(t, err)
		src.set("bad", "new")
		for range 1024 {
			_, err := c.Get(t.Context(), "bad")
			require.NoError(t, err)
		}
		for range 100 {
			_, err := c.Get(t.Context(), "good")
			require.NoError(t, err)
		}
		s := judged(t, c.Stats)
		require.Equal(t, int64(1024), s.Inconsistent)
		require.Equal(t, int64(1024), s.Verified)
		require.Equal(t, int64(100), s.VerifyDropped)
	})
}

func TestCloseEndsVerification(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(map[string]string{"k": "old"})
		cfg := src.config(false)
		cfg.Verify = everyHit
		c := open(t, memstore.New(), cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.set("k", "new")
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		synctest.Wait() // it waits for its second look
		began := time.Now()
		require.NoError(t, c.Close())
		require.Zero(t, time.Since(began))
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		s := c.Stats()
		require.Equal(t, int64(2), s.VerifyDropped)
		require.Zero(t, s.Verified+s.VerifyErrors)
	})
}
