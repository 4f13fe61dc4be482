package cachet_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
)

// observed collects what hooks are told.
type observed struct {
	mu      sync.Mutex
	gets    []cachet.GetInfo
	updates []cachet.UpdateInfo
}

func (o *observed) hooks() cachet.Hooks {
	return cachet.Hooks{
		Get: func(_ context.Context, info cachet.GetInfo) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.gets = append(o.gets, info)
		},
		Update: func(_ context.Context, info cachet.UpdateInfo) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.updates = append(o.updates, info)
		},
		Error: func(context.Context, error) {},
	}
}

// taken returns what came since the last call, by key.
func (o *observed) taken() map[string]cachet.GetInfo {
	o.mu.Lock()
	defer o.mu.Unlock()
	byKey := make(map[string]cachet.GetInfo)
	for _, info := range o.gets {
		byKey[strings.TrimPrefix(info.Key, "test:")] = info
	}
	o.gets = nil
	return byKey
}

func TestHookIsToldHowEachReadWasAnswered(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		var seen observed
		src := newSource(map[string]string{"k": "v"})
		cfg := lasting(src, false)
		cfg.Load = func(ctx context.Context, key string) (string, error) {
			if key == "bad" {
				return "", errSource
			}
			time.Sleep(30 * time.Millisecond)
			return src.Load(ctx, key)
		}
		cfg.Hooks = seen.hooks()
		c := open(t, p, cfg)
		one := func(key string, opts ...cachet.Option) cachet.GetInfo {
			t.Helper()
			_, _ = c.Get(t.Context(), key, opts...)
			got := seen.taken()
			require.Len(t, got, 1)
			require.Equal(t, "test", got[key].Cache)
			return got[key]
		}
		info := one("k")
		require.Equal(t, cachet.Loaded, info.Outcome)
		require.Equal(t, 30*time.Millisecond, info.Duration)
		require.Equal(t, cachet.Hit, one("k").Outcome)
		require.Equal(t, cachet.Loaded, one("k", cachet.Fresh()).Outcome)

		info = one("none")
		require.Equal(t, cachet.Loaded, info.Outcome)
		require.True(t, info.Absent)
		require.NoError(t, info.Err)
		info = one("none")
		require.Equal(t, cachet.Hit, info.Outcome)
		require.True(t, info.Absent)

		info = one("bad")
		require.Equal(t, cachet.Failed, info.Outcome)
		require.ErrorIs(t, info.Err, errSource)
		require.False(t, info.Absent)

		time.Sleep(time.Second)
		require.Equal(t, cachet.Stale, one("k").Outcome)
		time.Sleep(time.Second) // it is refreshed
	})
}

func TestHookTellsSharedAndFoundFromLoaded(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var here, there observed
		src := newSource(map[string]string{"k": "v"})
		load := src.hold(t, 1)
		cfg := src.config(false)
		cfg.Hooks = here.hooks()
		one := open(t, p, cfg)
		cfg.Hooks = there.hooks()
		two := open(t, p, cfg)
		leader := reader(t.Context(), one, "k")
		load.awaitRead(t)
		follower := reader(t.Context(), one, "k")
		until(t, "it joins", func() bool { return one.Stats().Merged == 1 })
		other := reader(t.Context(), two, "k")
		until(t, "it waits", func() bool { return two.Stats().Waits == 1 })
		load.resume()
		allRead(t, "v", []<-chan answer{leader, follower, other})
		here.mu.Lock()
		defer here.mu.Unlock()
		require.ElementsMatch(t, []cachet.Outcome{cachet.Loaded, cachet.Shared},
			[]cachet.Outcome{here.gets[0].Outcome, here.gets[1].Outcome})
		require.Equal(t, cachet.Found, there.taken()["k"].Outcome)
	})
}

func TestHookIsCalledOncePerKeyOfABatch(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var seen observed
		cfg := shaped("LoadMany", func(_ context.Context, key string) (string, error) {
			switch key {
			case "bad":
				return "", errSource
			case "none":
				return "", cachet.ErrNotFound
			}
			return "v", nil
		})
		cfg.Hooks = seen.hooks()
		c := open(t, p, cfg)
		_, err := c.Get(t.Context(), "hit")
		require.NoError(t, err)
		_, err = c.Get(t.Context(), "none")
		require.Equal(t, cachet.ErrNotFound, err)
		seen.taken()
		_, err = c.GetMany(t.Context(), []string{"hit", "a", "bad", "none", "a"})
		require.ErrorIs(t, err, errSource)
		require.Len(t, seen.gets, 4)
		got := seen.taken()
		require.Equal(t, cachet.Hit, got["hit"].Outcome)
		require.Equal(t, cachet.Loaded, got["a"].Outcome)
		require.Equal(t, cachet.Failed, got["bad"].Outcome)
		require.ErrorIs(t, got["bad"].Err, errSource)
		require.True(t, got["none"].Absent)
	})
}

// A caller who is gone already is told so, and the hook with it.
func TestHookIsCalledForReadsThatWereNotEvenTried(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		var seen observed
		cfg := newSource(nil).config(true)
		cfg.Hooks = seen.hooks()
		c := open(t, p, cfg)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for _, opts := range [][]cachet.Option{nil, {cachet.Fresh()}} {
			_, err := c.GetMany(ctx, []string{"a", "b"}, opts...)
			require.ErrorIs(t, err, context.Canceled)
			_, err = c.Get(ctx, "c", opts...)
			require.ErrorIs(t, err, context.Canceled)
			require.Len(t, seen.gets, 3)
			for _, info := range seen.taken() {
				require.Equal(t, cachet.Failed, info.Outcome)
				require.ErrorIs(t, info.Err, context.Canceled)
			}
		}
	})
}

func TestHookIsToldOfEachWrite(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		var seen observed
		st := &tapped{Store: p}
		cfg := newSource(nil).config(true)
		cfg.Hooks = seen.hooks()
		c := open(t, st, cfg)
		require.NoError(t, c.Update(t.Context(), "a", func(context.Context) error { time.Sleep(time.Second); return nil }))
		require.NoError(t, c.Invalidate(t.Context(), "b", "c"))
		require.Equal(t, errWrite, c.UpdateMany(t.Context(), nil, func(context.Context) error { return errWrite }))
		require.Panics(t, func() { _ = c.Update(t.Context(), "d", func(context.Context) error { panic("boom") }) })
		st.fail(errStore)
		require.Error(t, c.Invalidate(t.Context(), "e"))
		st.fail(nil)
		require.Len(t, seen.updates, 5)
		require.Equal(t, cachet.UpdateInfo{Cache: "test", Keys: []string{"test:a"}, Duration: time.Second}, seen.updates[0])
		require.Equal(t, []string{"test:b", "test:c"}, seen.updates[1].Keys)
		require.Equal(t, errWrite, seen.updates[2].Err)
		require.Error(t, seen.updates[3].Err, "a panic is no success")
		require.ErrorIs(t, seen.updates[4].Err, errStore)
	})
}

func TestHooksAreGivenTheCallersContext(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		type ctxKey struct{}
		n := 0
		check := func(ctx context.Context) {
			n++
			require.Equal(t, 7, ctx.Value(ctxKey{}))
		}
		cfg := newSource(nil).config(true)
		cfg.MaxValueSize = 1
		cfg.Load = func(context.Context, string) (string, error) { return "too large", nil }
		cfg.Hooks = cachet.Hooks{
			Get:    func(ctx context.Context, _ cachet.GetInfo) { check(ctx) },
			Update: func(ctx context.Context, _ cachet.UpdateInfo) { check(ctx) },
			Error:  func(ctx context.Context, _ error) { check(ctx) },
		}
		c := open(t, p, cfg)
		ctx := context.WithValue(t.Context(), ctxKey{}, 7)
		_, err := c.Get(ctx, "k")
		require.NoError(t, err)
		require.NoError(t, c.Invalidate(ctx, "k"))
		require.Equal(t, 3, n)
	})
}

func TestErrorsGoToTheDefaultLoggerWhereNoHookIsSet(t *testing.T) {
	var out bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&out, nil)))
	defer slog.SetDefault(before)
	newBed(t).memory(t, func(t *testing.T, p place) {
		c, err := cachet.New(p, cachet.Config[string, string]{
			Name: "test", MaxValueSize: 1, Load: func(context.Context, string) (string, error) { return "too large", nil },
		})
		require.NoError(t, err)
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.NoError(t, c.Close())
	})
	require.Contains(t, out.String(), "level=WARN")
	require.Contains(t, out.String(), "cache=test")
	require.Contains(t, out.String(), "test:k")
}

func TestOutcomesHaveNames(t *testing.T) {
	names := make(map[string]bool)
	for o := cachet.Hit; o <= cachet.Failed; o++ {
		names[o.String()] = true
	}
	require.Len(t, names, 6)
	require.NotPanics(t, func() { _ = (cachet.Failed + 1).String() }, "a printed number must not end a program")
}
