package cachet_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/codec"
	"github.com/cachet-go/cachet/store/memstore"
)

// found collects what a verifier finds.
type found struct {
	mu    sync.Mutex
	infos []cachet.InconsistentInfo
}

func (f *found) add(_ context.Context, info cachet.InconsistentInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.infos = append(f.infos, info)
}

func (f *found) all() []cachet.InconsistentInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.infos
}

// everyHit compares every hit, and looks again after a second.
var everyHit = cachet.Verify{Rate: 1, Within: time.Second, PerSecond: 1 << 20, MaxLoads: 8}

// judged waits until everything that was chosen has its verdict.
func judged(t *testing.T, hits func() cachet.Stats) cachet.Stats {
	t.Helper()
	var s cachet.Stats
	until(t, "every hit has a verdict", func() bool {
		s = hits()
		return s.Hits == s.Verified+s.VerifyErrors+s.VerifyStale+s.VerifyDropped
	})
	return s
}

// A writer goes past the cache at one write in a hundred.
func TestVerifyFindsAPlantedBugAtItsRate(t *testing.T) {
	const keys, rate = 20_000, 100
	synctest.Test(t, func(t *testing.T) {
		src := newSource(nil)
		cfg := src.config(false)
		cfg.Verify, cfg.TTL = everyHit, time.Hour
		cfg.Verify.Rate = 0.25
		var finds found
		cfg.Hooks.Inconsistent = finds.add
		c := open(t, memstore.New(), cfg)
		bypassed := make(map[string]bool)
		for i := range keys {
			key := fmt.Sprint(i)
			src.set(key, "old")
			_, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			if rand.N(rate) == 0 {
				src.set(key, "new")
				bypassed["test:"+key] = true
				continue
			}
			require.NoError(t, c.Update(t.Context(), key, src.write(key, "new")))
			_, err = c.Get(t.Context(), key)
			require.NoError(t, err)
		}
		for i := range keys {
			if i%500 == 0 {
				time.Sleep(2 * time.Second) // no more are under way than there is room for
			}
			_, err := c.Get(t.Context(), fmt.Sprint(i))
			require.NoError(t, err)
		}
		time.Sleep(2 * time.Second)

		s := c.Stats()
		require.Zero(t, s.VerifyErrors+s.VerifyStale+s.VerifyDropped)
		require.Zero(t, s.Superseded)
		within(t, keys, 0.25, float64(s.Verified))
		within(t, len(bypassed), 0.25, float64(s.Inconsistent))
		require.Len(t, finds.all(), int(s.Inconsistent))
		for _, info := range finds.all() {
			require.True(t, bypassed[info.Key], "%v is as it should be", info)
			require.Equal(t, "test", info.Cache)
		}
		require.InDelta(t, -math.Log10(float64(len(bypassed))/keys), s.Nines(), 0.2)
		require.InDelta(t, 1-float64(len(bypassed))/keys, s.ConsistentRatio(), 0.005)
		t.Logf("planted %d of %d, chose %d, found %d: %.2f nines", len(bypassed), keys, s.Verified, s.Inconsistent, s.Nines())
	})
}

// within checks that got is what a binomial variable may be, by five standard deviations.
func within(t *testing.T, n int, p, got float64) {
	t.Helper()
	mean := float64(n) * p
	require.InDelta(t, mean, got, 5*math.Sqrt(mean*(1-p)), "of %d by %v", n, p)
}

// Writers and readers race on few keys, so that copies are forever replaced in the middle of a comparison.
func TestVerifyFindsNothingUnderRacingWrites(t *testing.T) {
	for name, strategy := range map[string]cachet.Strategy{
		"delete":    aside.Strategy{},
		"fence":     aside.Strategy{Fence: time.Minute},
		"probation": aside.Strategy{ReplicaLag: 50 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := newSource(nil)
				src.takes = 3 * time.Millisecond
				cfg := src.config(false)
				cfg.Verify, cfg.Strategy, cfg.EarlyRefresh, cfg.TTL = everyHit, strategy, 1, 2*time.Second
				cfg.Verify.Within = 500 * time.Millisecond
				var finds found
				cfg.Hooks.Inconsistent = finds.add
				st := memstore.New()
				one, two := open(t, st, cfg), open(t, st, cfg)
				var done sync.WaitGroup
				end := time.Now().Add(20 * time.Second)
				for g := range 4 {
					done.Go(func() {
						c := []*cachet.Cache[string, string]{one, two}[g%2]
						for i := 0; time.Now().Before(end); i++ {
							key := fmt.Sprint(rand.N(8))
							err := c.Update(t.Context(), key, func(context.Context) error {
								src.set(key, fmt.Sprint(g, "/", i))
								time.Sleep(rand.N(20 * time.Millisecond)) // committed, and not yet invalidated
								return nil
							})
							require.NoError(t, err)
							time.Sleep(rand.N(100 * time.Millisecond))
						}
					})
					done.Go(func() {
						c := []*cachet.Cache[string, string]{one, two}[g%2]
						for time.Now().Before(end) {
							_, err := c.GetMany(t.Context(), []string{fmt.Sprint(rand.N(8)), fmt.Sprint(rand.N(8))})
							if err != nil {
								require.ErrorIs(t, err, cachet.ErrNotFound)
							}
							time.Sleep(rand.N(4 * time.Millisecond))
						}
					})
				}
				done.Wait()
				time.Sleep(time.Second)
				for _, c := range []*cachet.Cache[string, string]{one, two} {
					s := c.Stats()
					require.Zero(t, s.Inconsistent, "%v", finds.all())
					require.Greater(t, s.Verified, int64(10_000))
					require.Zero(t, s.VerifyErrors)
					require.Greater(t, s.Nines(), 3.0)
					t.Logf("%d compared, %d superseded, %d dropped: %.2f nines", s.Verified, s.Superseded, s.VerifyDropped, s.Nines())
					if name == "delete" {
						require.Greater(t, s.Superseded, int64(100))
					}
				}
			})
		})
	}
}

func TestVerifyTellsWhatDiffersAndForHowLong(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"changed": "old", "gone": "old", "same": "v"})
		cfg := src.config(false)
		cfg.Verify = everyHit
		cfg.Verify.Within = 100 * time.Millisecond
		var finds found
		cfg.Hooks.Inconsistent = finds.add
		c := open(t, p, cfg)
		keys := []string{"changed", "gone", "same", "come", "none"}
		_, err := c.GetMany(t.Context(), keys)
		require.NoError(t, err)
		src.set("changed", "new")
		src.set("come", "new")
		src.mu.Lock()
		delete(src.rows, "gone")
		src.mu.Unlock()
		_, err = c.GetMany(t.Context(), keys)
		require.NoError(t, err)

		s := judged(t, c.Stats)
		require.Equal(t, int64(5), s.Verified)
		require.Equal(t, int64(3), s.Inconsistent)
		require.Equal(t, int64(1), s.Loads, "a comparison's load is not one of the cache's")
		got := make(map[string]cachet.InconsistentInfo)
		for _, info := range finds.all() {
			require.GreaterOrEqual(t, info.Differed, cfg.Verify.Within)
			require.GreaterOrEqual(t, info.Age, info.Differed-50*time.Millisecond)
			info.Differed, info.Age = 0, 0
			got[info.Key] = info
		}
		require.Equal(t, map[string]cachet.InconsistentInfo{
			"test:changed": {Cache: "test", Key: "test:changed"},
			"test:gone":    {Cache: "test", Key: "test:gone", SourceAbsent: true},
			"test:come":    {Cache: "test", Key: "test:come", CachedAbsent: true},
		}, got)
	})
}

// The copy is looked at again before it counts.
func TestVerifyGivesAWriteItsTime(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"deleted": "old", "replaced": "old", "rolled back": "old"})
		cfg := src.config(true)
		cfg.Verify = everyHit
		cfg.Verify.Within = 500 * time.Millisecond
		c := open(t, p, cfg)
		for key := range src.rows {
			_, err := c.Get(t.Context(), key)
			require.NoError(t, err)
			src.set(key, "new")
			_, err = c.Get(t.Context(), key)
			require.NoError(t, err)
		}
		until(t, "all three have been compared once", func() bool { return src.count() == 6 })
		require.NoError(t, c.Invalidate(t.Context(), "deleted", "replaced"))
		_, err := c.Get(t.Context(), "replaced")
		require.NoError(t, err)
		src.set("rolled back", "old")

		s := judged(t, c.Stats)
		require.Equal(t, int64(3), s.Verified)
		require.Equal(t, int64(3), s.Superseded)
		require.Zero(t, s.Inconsistent)
	})
}

// A claim puts a new stamp on a copy, which is no new copy.
func TestVerifyKnowsACopyThatARefreshHasClaimed(t *testing.T) {
	newBed(t).each(t, func(t *testing.T, p place) {
		src := newSource(map[string]string{"k": "old"})
		broken := make(chan struct{})
		cfg := src.config(false)
		cfg.StaleTTL, cfg.TTL = time.Minute, time.Minute
		other := open(t, p, cfg)
		_, err := other.Get(t.Context(), "k")
		require.NoError(t, err)
		src.set("k", "new")
		cfg.Verify = everyHit
		cfg.Verify.Within = 300 * time.Millisecond
		c := open(t, p, cfg)
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		until(t, "it has been compared once", func() bool { return src.count() == 2 })

		cfg.Load = func(context.Context, string) (string, error) { close(broken); return "", errSource }
		claims := open(t, p, cfg)
		_, err = claims.Get(t.Context(), "k", cachet.Fresh())
		require.ErrorIs(t, err, errSource)
		receive(t, "it is claimed", broken)
		s := judged(t, c.Stats)
		require.Equal(t, int64(1), s.Inconsistent)
	})
}

func TestVerifyComparesValuesAndNotBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		values := make(map[int]string)
		for i := range 100 {
			values[i] = fmt.Sprint(i)
		}
		c := open(t, memstore.New(), cachet.Config[string, map[int]string]{
			Load:   func(context.Context, string) (map[int]string, error) { return values, nil },
			Verify: everyHit,
		})
		for range 10 {
			_, err := c.Get(t.Context(), "k") // msgpack writes the entries of a map as they come
			require.NoError(t, err)
		}
		s := judged(t, c.Stats)
		require.Equal(t, int64(9), s.Verified)
		require.Zero(t, s.Superseded+s.Inconsistent)
	})
}

func TestVerifyComparesByEqualIfThereIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads atomic.Int64
		c := open(t, memstore.New(), cachet.Config[string, [2]int64]{
			Load:   func(context.Context, string) ([2]int64, error) { return [2]int64{7, reads.Add(1)}, nil },
			Equal:  func(cached, source [2]int64) bool { return cached[0] == source[0] },
			Codec:  codec.JSON,
			Verify: everyHit,
		})
		for range 3 {
			_, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
		}
		s := judged(t, c.Stats)
		require.Equal(t, int64(2), s.Verified)
		require.Zero(t, s.Superseded+s.Inconsistent)
	})
}

// What is served past its TTL is known to be old.
func TestVerifyCountsStaleHitsApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(map[string]string{"k": "old"})
		src.takes = time.Second
		cfg := src.config(false)
		cfg.Verify, cfg.TTL, cfg.StaleTTL, cfg.Jitter = everyHit, time.Minute, time.Hour, -1
		c := open(t, memstore.New(), cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.set("k", "new")
		time.Sleep(2 * time.Minute)
		for range 3 {
			v, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, "old", v)
		}
		time.Sleep(10 * time.Second)
		s := c.Stats()
		require.Equal(t, int64(3), s.VerifyStale)
		require.Zero(t, s.Verified)
	})
}

// A comparison's load is its own: no caller gets its result, and it gets nobody's.
func TestVerifyLoadsOnItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(map[string]string{"k": "v1"})
		cfg := src.config(false)
		cfg.Verify = everyHit
		c := open(t, memstore.New(), cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		compared := src.hold(t, 2)
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		compared.awaitRead(t)
		require.NoError(t, c.Update(t.Context(), "k", src.write("k", "v2")))
		v, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v2", v)
		compared.resume()
		s := judged(t, c.Stats)
		require.Equal(t, int64(2), s.Loads)
		require.Zero(t, s.Merged+s.Refused)
		v, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v2", v)
	})
}

func TestWhatVerifyFindsGoesToErrorWithoutAHook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newSource(map[string]string{"k": "secret"})
		cfg := src.config(false)
		cfg.Verify = everyHit
		told := make(chan error, 1)
		cfg.Hooks.Error = func(_ context.Context, err error) { told <- err }
		c := open(t, memstore.New(), cfg)
		_, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		src.set("k", "another secret")
		_, err = c.Get(t.Context(), "k")
		require.NoError(t, err)
		var find *cachet.InconsistencyError
		err = receive(t, "it is told", told)
		require.ErrorAs(t, err, &find)
		require.Equal(t, "test:k", find.Key)
		require.Equal(t, `cachet: cache "test": key test:k: the copy, of 1s ago, has differed from the source for 1s`, err.Error())
		require.NotContains(t, fmt.Sprintf("%+v", find.InconsistentInfo), "secret")
	})
}

func TestNinesAreWhatTheComparisonsProve(t *testing.T) {
	for _, test := range []struct {
		verified, inconsistent int64
		want                   float64
	}{
		{0, 0, 0},
		{1, 0, 0},
		{1, 1, 0},
		{10_000, 0, 3.52},
		{10_000, 1, 3.32},
		{10_000, 100, 1.93},
		{1_000_000, 0, 5.52},
		{1_000_000, 10_000, 1.99},
	} {
		s := cachet.Stats{Verified: test.verified, Inconsistent: test.inconsistent}
		require.InDelta(t, test.want, s.Nines(), 0.01, "%+v", test)
	}
}
