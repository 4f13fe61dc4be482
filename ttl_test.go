package cachet_test

import (
	"context"
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/store"
)

// A load takes 30 ms. To the millisecond, the record lives for its TTL from the grant of the lease, and not
// from the fill.
func TestTTLMeansWhatItSaysAndCountsFromTheGrant(t *testing.T) {
	b := newBed(t)
	for _, ttl := range []time.Duration{
		50 * time.Millisecond, 999 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second, time.Minute, 24 * time.Hour,
	} {
		t.Run(ttl.String(), func(t *testing.T) {
			b.memory(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v"})
				src.takes = 30 * time.Millisecond
				cfg := src.config(true)
				cfg.TTL, cfg.NotFoundTTL, cfg.Jitter = ttl, ttl, -1
				c := open(t, p, cfg)
				start := time.Now()
				_, err := c.GetMany(t.Context(), []string{"k", "none"})
				require.NoError(t, err)
				require.Equal(t, src.takes, time.Since(start))
				time.Sleep(time.Until(start.Add(ttl - time.Millisecond)))
				for _, key := range []string{"k", "none"} {
					_, ok, err := c.Peek(t.Context(), key)
					require.NoError(t, err)
					require.True(t, ok, "%s is gone before its time", key)
				}
				time.Sleep(time.Millisecond)
				for _, key := range []string{"k", "none"} {
					_, ok, err := c.Peek(t.Context(), key)
					require.NoError(t, err)
					require.False(t, ok, "%s outlives its time", key)
				}
			})
		})
	}
}

func TestTTLMeansWhatItSaysOnRedis(t *testing.T) {
	b := newBed(t)
	for _, ttl := range []time.Duration{
		50 * time.Millisecond, time.Second, 5 * time.Second, 10 * time.Second, 24 * time.Hour, 10 * 365 * 24 * time.Hour,
	} {
		t.Run(ttl.String(), func(t *testing.T) {
			b.real(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"k": "v"})
				src.takes = 20 * time.Millisecond
				cfg := src.config(true)
				cfg.TTL, cfg.NotFoundTTL, cfg.Jitter = ttl, ttl, -1
				c := open(t, p, cfg)
				start := time.Now()
				_, err := c.GetMany(t.Context(), []string{"k", "none"})
				require.NoError(t, err)
				for _, key := range []string{"test:k", "test:none"} {
					left, err := p.redis.PTTL(t.Context(), key).Result()
					require.NoError(t, err)
					if time.Since(start) < ttl {
						require.LessOrEqual(t, left, ttl-src.takes, "it counts from the fill")
					}
					require.GreaterOrEqual(t, left, ttl-time.Since(start)-2*time.Millisecond)
				}
			})
		})
	}
}

// What a load that took longer than the TTL has found is handed out and not stored.
func TestRecordThatIsOverWhenItArrivesIsSharedAndNotStored(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "v"})
		src.takes = 60 * time.Millisecond
		cfg := src.config(false)
		cfg.TTL, cfg.Jitter = 20*time.Millisecond, -1
		c := open(t, p, cfg)
		allRead(t, "v", joins(t.Context(), c))
		require.Zero(t, c.Stats().Refused)
		_, ok, err := c.Peek(t.Context(), "k")
		require.NoError(t, err)
		require.False(t, ok)
	})
}

func TestTTLForGivesSingleRecordsTheirOwn(t *testing.T) {
	b := newBed(t)
	for shape := range shapes {
		t.Run(shape, func(t *testing.T) {
			b.memory(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"default": "1", "short": "2", "long": "3", "never": "4"})
				cfg := src.config(shape == "LoadMany")
				if shape == "Load" {
					cfg.LoadMany = nil
				}
				cfg.TTL, cfg.Jitter, cfg.NotFoundTTL = time.Minute, -1, time.Second
				cfg.TTLFor = func(key, value string) time.Duration {
					require.Equal(t, src.rows[key], value)
					return map[string]time.Duration{"short": 10 * time.Second, "long": time.Hour, "never": -1}[key]
				}
				c := open(t, p, cfg)
				keys := []string{"default", "short", "long", "never", "none"}
				there := func() (keys []string) {
					for _, key := range []string{"default", "short", "long", "never", "none"} {
						_, ok, err := c.Peek(t.Context(), key)
						require.NoError(t, err)
						if ok {
							keys = append(keys, key)
						}
					}
					return keys
				}
				m, err := c.GetMany(t.Context(), keys)
				require.NoError(t, err)
				require.Equal(t, map[string]string{"default": "1", "short": "2", "long": "3", "never": "4"}, m)
				require.Equal(t, []string{"default", "short", "long", "none"}, there())
				time.Sleep(10 * time.Second)
				require.Equal(t, []string{"default", "long"}, there())
				time.Sleep(50 * time.Second)
				require.Equal(t, []string{"long"}, there())
				v, err := c.Get(t.Context(), "never")
				require.NoError(t, err)
				require.Equal(t, "4", v)
				require.Equal(t, []string{"long"}, there())
				require.Zero(t, c.Stats().Refused)
			})
		})
	}
}

// seen notes the lifetimes that a store is asked for.
type seen struct {
	store.Store
	mu    sync.Mutex
	fills []store.Fill
}

func (s *seen) Fill(ctx context.Context, fills ...store.Fill) []store.Verdict {
	s.mu.Lock()
	s.fills = append(s.fills, fills...)
	s.mu.Unlock()
	return s.Store.Fill(ctx, fills...)
}

// paths are the ways on which records come to be stored.
var paths = map[string]func(t *testing.T, c *cachet.Cache[string, string], keys []string){
	"Get": func(t *testing.T, c *cachet.Cache[string, string], keys []string) {
		for _, key := range keys {
			_, err := c.Get(t.Context(), key)
			require.NoError(t, err)
		}
	},
	"GetMany": func(t *testing.T, c *cachet.Cache[string, string], keys []string) {
		for some := range slices.Chunk(keys, 500) {
			_, err := c.GetMany(t.Context(), some)
			require.NoError(t, err)
		}
	},
	"Prime": func(t *testing.T, c *cachet.Cache[string, string], keys []string) {
		require.NoError(t, c.Prime(t.Context(), rows(keys...)))
	},
	"Fresh": func(t *testing.T, c *cachet.Cache[string, string], keys []string) {
		for some := range slices.Chunk(keys, 500) {
			_, err := c.GetMany(t.Context(), some, cachet.Fresh())
			require.NoError(t, err)
		}
	},
	"refresh": func(t *testing.T, c *cachet.Cache[string, string], keys []string) {
		for range 2 { // the second time all are stale, and are refreshed one by one
			for _, key := range keys {
				_, err := c.Get(t.Context(), key)
				require.NoError(t, err)
				synctest.Wait()
			}
			time.Sleep(time.Hour)
		}
	},
}

const many10k = 10_000

// Jitter shortens each TTL by up to its share, all lengths alike, wherever a record is stored.
func TestJitterSpreadsOverThePromisedRangeOnEachPath(t *testing.T) {
	b := newBed(t)
	for path, fill := range paths {
		for _, jitter := range []float64{0.1, 0.5, 1} {
			t.Run(path+"/"+strconv.FormatFloat(jitter, 'g', -1, 64), func(t *testing.T) {
				b.memory(t, func(t *testing.T, p place) {
					st := &seen{Store: p}
					keys := make([]string, many10k)
					for i := range keys {
						keys[i] = strconv.Itoa(i)
					}
					const ttl = time.Hour
					cfg := cachet.Config[string, string]{
						TTL: ttl, Jitter: jitter,
						LoadMany: func(_ context.Context, keys []string) (map[string]string, error) { return rows(keys...), nil },
					}
					if path == "refresh" {
						cfg.StaleTTL = 1000 * time.Hour
					}
					c := open(t, st, cfg)
					fill(t, c, keys)
					if path == "refresh" {
						require.Len(t, st.fills, 2*many10k)
						st.fills = st.fills[many10k:]
					}
					require.Len(t, st.fills, many10k)
					lifetimes := make([]time.Duration, many10k)
					for i, f := range st.fills {
						lifetimes[i] = f.TTL - cfg.StaleTTL
						if path == "refresh" {
							require.Equal(t, lifetimes[i], f.FreshFor)
						}
					}
					uniform(t, lifetimes, ttl-time.Duration(float64(ttl)*jitter), ttl)
				})
			})
		}
	}
}

// uniform checks that the values lie in (low, high] and fill it evenly.
func uniform(t *testing.T, values []time.Duration, low, high time.Duration) {
	t.Helper()
	const buckets = 10
	var filled [buckets]int
	width := (high - low) / buckets
	for _, v := range values {
		require.Greater(t, v, low)
		require.LessOrEqual(t, v, high)
		filled[min(int((v-low-1)/width), buckets-1)]++
	}
	for i, n := range filled {
		want := len(values) / buckets
		require.InDelta(t, want, n, 6*math.Sqrt(float64(want)), "bucket %d of %v", i, filled) // six standard deviations
	}
}

func TestJitterSpreadsOnRedis(t *testing.T) {
	b := newBed(t)
	for _, path := range []string{"Get", "GetMany", "Fresh"} {
		t.Run(path, func(t *testing.T) {
			b.real(t, func(t *testing.T, p place) {
				n := many10k
				if path == "Get" {
					n /= 5 // one by one it takes a while
				}
				keys := make([]string, n)
				for i := range keys {
					keys[i] = strconv.Itoa(i)
				}
				const ttl = 10 * time.Hour
				c := open(t, p, cachet.Config[string, string]{
					TTL: ttl,
					LoadMany: func(_ context.Context, keys []string) (map[string]string, error) {
						return rows(keys...), nil
					},
				})
				start := time.Now()
				paths[path](t, c, keys)
				pipe := p.redis.Pipeline()
				for _, key := range keys {
					pipe.PTTL(t.Context(), "test:"+key)
				}
				cmds, err := pipe.Exec(t.Context())
				require.NoError(t, err)
				took := time.Since(start)
				lifetimes := make([]time.Duration, n)
				for i, cmd := range cmds {
					left := cmd.(interface{ Val() time.Duration }).Val()
					require.Greater(t, left, ttl*9/10-took)
					lifetimes[i] = max(left, ttl*9/10+1)
				}
				uniform(t, lifetimes, ttl*9/10, ttl)
			})
		})
	}
}

func TestAbsencesAreJitteredToo(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		st := &seen{Store: p}
		c := open(t, st, cachet.Config[string, string]{
			NotFoundTTL: time.Hour,
			LoadMany:    func(context.Context, []string) (map[string]string, error) { return nil, nil },
		})
		keys := make([]string, many10k)
		for i := range keys {
			keys[i] = strconv.Itoa(i)
		}
		_, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		lifetimes := make([]time.Duration, len(keys))
		for i, f := range st.fills {
			lifetimes[i] = f.TTL
		}
		uniform(t, lifetimes, time.Hour*9/10, time.Hour)
	})
}

func TestJitterCanBeTurnedOff(t *testing.T) {
	newBed(t).memory(t, func(t *testing.T, p place) {
		st := &seen{Store: p}
		c := open(t, st, cachet.Config[string, string]{
			TTL: time.Minute, Jitter: -1, Load: newSource(rows("a", "b", "c")).Load, Strategy: aside.Strategy{},
		})
		_, err := c.GetMany(t.Context(), []string{"a", "b", "c"})
		require.NoError(t, err)
		for _, f := range st.fills {
			require.Equal(t, time.Minute, f.TTL)
		}
	})
}
