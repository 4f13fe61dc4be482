package cachet_test

import (
	"context"
	"math"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/aside"
	"github.com/cachet-go/cachet/codec"
	"github.com/cachet-go/cachet/store/memstore"
)

func TestNewNamesTheFieldThatItRefuses(t *testing.T) {
	type config = cachet.Config[string, int]
	tests := map[string]struct {
		change func(*config)
		want   string
	}{
		"no name":             {func(c *config) { c.Name = "" }, "Config.Name"},
		"no loader":           {func(c *config) { c.Load = nil }, "Config.Load"},
		"LoadTimeout":         {func(c *config) { c.LoadTimeout = -1 }, "Config.LoadTimeout"},
		"MaxLoads":            {func(c *config) { c.MaxLoads = -1 }, "Config.MaxLoads"},
		"TTL":                 {func(c *config) { c.TTL = -time.Second }, "Config.TTL"},
		"Jitter above 1":      {func(c *config) { c.Jitter = 1.01 }, "Config.Jitter"},
		"Jitter no number":    {func(c *config) { c.Jitter = math.NaN() }, "Config.Jitter"},
		"Jitter infinite":     {func(c *config) { c.Jitter = math.Inf(1) }, "Config.Jitter"},
		"StaleTTL":            {func(c *config) { c.StaleTTL = -1 }, "Config.StaleTTL"},
		"EarlyRefresh":        {func(c *config) { c.EarlyRefresh = -0.1 }, "Config.EarlyRefresh"},
		"EarlyRefresh no num": {func(c *config) { c.EarlyRefresh = math.NaN() }, "Config.EarlyRefresh"},
		"MaxValueSize":        {func(c *config) { c.MaxValueSize = -1 }, "Config.MaxValueSize"},
		"Rate above 1":        {func(c *config) { c.Verify.Rate = 1.01 }, "Config.Verify.Rate"},
		"Rate no number":      {func(c *config) { c.Verify.Rate = math.NaN() }, "Config.Verify.Rate"},
		"Within":              {func(c *config) { c.Verify.Within = -1 }, "Config.Verify.Within"},
		"PerSecond":           {func(c *config) { c.Verify.PerSecond = -1 }, "Config.Verify.PerSecond"},
		"Verify.MaxLoads":     {func(c *config) { c.Verify.MaxLoads = -1 }, "Config.Verify.MaxLoads"},
		"nameless codec":      {func(c *config) { c.Codec = nameless{} }, "Config.Codec"},
		"Fence":               {func(c *config) { c.Strategy = aside.Strategy{Fence: -1} }, "Strategy.Fence"},
		"ReplicaLag":          {func(c *config) { c.Strategy = aside.Strategy{ReplicaLag: -1} }, "Strategy.ReplicaLag"},
		"strategy by pointer": {func(c *config) { c.Strategy = &aside.Strategy{Fence: -1} }, "Strategy.Fence"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := config{Name: "test", Load: func(context.Context, string) (int, error) { return 0, nil }}
			test.change(&cfg)
			c, err := cachet.New(memstore.New(), cfg)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "cachet: ")
			require.Nil(t, c)
		})
	}
}

// nameless is a codec whose records nobody could tell from those of another.
type nameless struct{ codec.Codec }

func (nameless) Name() string { return "" }

func TestNewAcceptsValuesThatTurnThingsOff(t *testing.T) {
	_, err := cachet.New(memstore.New(), cachet.Config[string, int]{
		Name: "test", LoadMany: func(context.Context, []string) (map[string]int, error) { return nil, nil },
		Jitter: -1, NotFoundTTL: -1,
	})
	require.NoError(t, err)
}

func TestNewRefusesToRunWithoutAStore(t *testing.T) {
	_, err := cachet.New(nil, cachet.Config[string, int]{
		Name: "test", Load: func(context.Context, string) (int, error) { return 0, nil },
	})
	require.ErrorContains(t, err, "store")
}

type (
	text       string
	number     uint16
	plain      struct{ A, B int }
	marshalled struct{ a, b string }
	byPointer  struct{ n int }
	labelled   interface{ MarshalText() ([]byte, error) }
)

func (p *byPointer) MarshalText() ([]byte, error) { return []byte{byte(p.n)}, nil }

func (m marshalled) MarshalText() ([]byte, error) { return []byte(m.a + "/" + m.b), nil }

func TestNewRefusesKeysThatHaveNoText(t *testing.T) {
	t.Run("bool", refusesKey[bool])
	t.Run("float32", refusesKey[float32])
	t.Run("float64", refusesKey[float64])
	t.Run("complex128", refusesKey[complex128])
	t.Run("array", refusesKey[[2]int])
	t.Run("array of bytes", refusesKey[[16]byte])
	t.Run("pointer", refusesKey[*int])
	t.Run("pointer to struct", refusesKey[*plain])
	t.Run("chan", refusesKey[chan int])
	t.Run("struct", refusesKey[plain])
	t.Run("struct whose pointer marshals", refusesKey[byPointer])
	t.Run("any", refusesKey[any])
	t.Run("interface with MarshalText", refusesKey[labelled])
}

func refusesKey[K comparable](t *testing.T) {
	t.Helper()
	cfg := cachet.Config[K, int]{Name: "test", Load: func(context.Context, K) (int, error) { return 1, nil }}
	_, err := cachet.New(memstore.New(), cfg)
	require.ErrorContains(t, err, "Config.Key")
	cfg.Key = func(K) string { return "one" }
	_, err = cachet.New(memstore.New(), cfg)
	require.NoError(t, err, "with a function of its own")
}

func TestKeysHaveTheTextOfTheirType(t *testing.T) {
	t.Run("string", keyText("a:b {c}%", "a:b {c}%"))
	t.Run("empty string", keyText("", ""))
	t.Run("named string", keyText(text("n"), "n"))
	t.Run("int", keyText(-7, "-7"))
	t.Run("int8", keyText(int8(math.MinInt8), "-128"))
	t.Run("int16", keyText(int16(-3), "-3"))
	t.Run("int32", keyText('x', "120"))
	t.Run("int64", keyText(int64(math.MinInt64), "-9223372036854775808"))
	t.Run("uint", keyText(uint(7), "7"))
	t.Run("uint8", keyText(byte(255), "255"))
	t.Run("uint32", keyText(uint32(math.MaxUint32), "4294967295"))
	t.Run("uint64", keyText(uint64(math.MaxUint64), "18446744073709551615"))
	t.Run("uintptr", keyText(uintptr(9), "9"))
	t.Run("named integer", keyText(number(9), "9"))
	t.Run("duration", keyText(time.Second, "1000000000"))
	t.Run("address", keyText(netip.MustParseAddr("10.0.0.1"), "10.0.0.1"))
	t.Run("time", keyText(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), "2026-01-02T03:04:05.000000006Z"))
	t.Run("struct with MarshalText", keyText(marshalled{"a", "b"}, "a/b"))
}

func keyText[K comparable](key K, want string) func(t *testing.T) {
	return func(t *testing.T) {
		loaded := 0
		c := open(t, memstore.New(), cachet.Config[K, int]{
			Load: func(_ context.Context, k K) (int, error) {
				require.Equal(t, key, k)
				loaded++
				return 1, nil
			},
		})
		require.Equal(t, []string{"test:" + want}, c.Event(key).Keys)
		for range 2 {
			_, err := c.Get(t.Context(), key)
			require.NoError(t, err)
		}
		require.Equal(t, 1, loaded)
	}
}

func TestKeyWithoutTextIsAnErrorAndNothingIsWritten(t *testing.T) {
	year := time.Date(20_000, 1, 1, 0, 0, 0, 0, time.UTC) // has no text
	ok := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c := open(t, memstore.New(), cachet.Config[time.Time, int]{
		Load: func(context.Context, time.Time) (int, error) { return 1, nil },
	})
	_, err := c.Get(t.Context(), year)
	require.Error(t, err)
	_, _, err = c.Peek(t.Context(), year)
	require.Error(t, err)
	require.Error(t, c.Invalidate(t.Context(), ok, year))
	require.Error(t, c.Prime(t.Context(), map[time.Time]int{year: 1}))
	written := false
	require.Error(t, c.Update(t.Context(), year, func(context.Context) error { written = true; return nil }))
	require.False(t, written, "a record that could not be invalidated was written")

	got, err := c.GetMany(t.Context(), []time.Time{year, ok})
	require.Error(t, err)
	require.Equal(t, map[time.Time]int{ok: 1}, got, "the other record comes all the same")
	require.Len(t, c.Event(year, ok).Keys, 1)
}

func TestNamesAndKeysNeverRunIntoOneAnother(t *testing.T) {
	st := memstore.New()
	names := []string{"a", "a:b", "a%3Ab", "a%", "a%25", "%", "a{", "a{b}", "a%7B", "{", "{a}", "a::", "a%3A", "ä", "a b"}
	keys := []string{"k", "b:k", "3Ab:k", "%3Ab:k", "{k}", "}:k", "", ":", ":k", "::k", "25:k", "%25:k", " b:k"}
	owner := make(map[string]string)
	for _, n := range names {
		c := open(t, st, cachet.Config[string, string]{
			Name: n, Load: func(_ context.Context, key string) (string, error) { return n + "|" + key, nil },
		})
		for _, k := range keys {
			stored := c.Event(k).Keys[0]
			require.Empty(t, owner[stored], "%q is also the key %q of cache %q", stored, k, n)
			owner[stored] = n + "|" + k
			got, err := c.Get(t.Context(), k)
			require.NoError(t, err)
			require.Equal(t, n+"|"+k, got)
		}
		require.NotContains(t, c.Event("k").Keys[0], "{", "the name puts all keys into one slot")
	}
}

func TestTwoCachesOfOneNameShareTheirRecords(t *testing.T) {
	src := newSource(map[string]string{"k": "v1"})
	st := memstore.New()
	one, two := open(t, st, src.config(false)), open(t, st, src.config(false))
	for _, c := range []*cachet.Cache[string, string]{one, two} {
		got, err := c.Get(t.Context(), "k")
		require.NoError(t, err)
		require.Equal(t, "v1", got)
	}
	require.Equal(t, 1, src.count())
	require.NoError(t, one.Update(t.Context(), "k", src.write("k", "v2")))
	got, err := two.Get(t.Context(), "k")
	require.NoError(t, err)
	require.Equal(t, "v2", got)
}

func TestMustPanicsWithTheErrorOfNew(t *testing.T) {
	cfg := cachet.Config[string, int]{Load: func(context.Context, string) (int, error) { return 0, nil }}
	_, want := cachet.New(memstore.New(), cfg)
	require.Error(t, want)
	require.PanicsWithError(t, want.Error(), func() { cachet.Must(cachet.New(memstore.New(), cfg)) })
	cfg.Name = "test"
	require.NotPanics(t, func() { cachet.Must(cachet.New(memstore.New(), cfg)) })
}
