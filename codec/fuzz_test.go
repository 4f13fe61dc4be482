package codec_test

import (
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/cachet-go/cachet/codec"
)

type tree struct {
	Kids  []tree
	Named map[string]tree
	Any   any
}

type Promoted struct{ X, Y int }

type mixture struct {
	*Promoted
	Num  *big.Int
	Addr netip.Addr
	Raw  msgpack.RawMessage
	Keys map[any]any
	Time *time.Time
	Err  error
	Str  fmt.Stringer
	Wide []wide
	In   []interned
}

// targets returns new values of many types to decode into.
func targets() []any {
	return []any{
		new(record), new(wide), new(tree), new(mixture), new(node), new(base), new(interned),
		new(any), new([]any), new(map[string]any), new(map[any]any),
		new(string), new([]byte), new(bool), new(int), new(int8), new(uint64), new(float32), new(float64),
		new(time.Time), new(time.Duration), new(*time.Time), new([]time.Time),
		new([]string), new([]int64), new([]wide), new([]*wide), new([][]map[string][]int), new([4]wide), new([4]byte),
		new(map[string]string), new(map[string]bool), new(map[int]wide), new(map[string]map[string]any),
		new([]map[string]any), new([]map[string]string), new([]map[int]int), new(map[time.Time]time.Time),
		new(msgpack.RawMessage), new([]msgpack.RawMessage), new(big.Int), new(netip.Addr), new(error),
		new(name), new(blob), new(octets), new(**string),
	}
}

// allowed is how many bytes a codec may allocate for data: so much per byte as the widest element of our targets takes,
// some of it twice, and something for types that are seen for the first time.
func allowed(data []byte) uint64 { return 4096*uint64(len(data)) + 2<<20 }

// allocated returns how many bytes f allocates, give or take a few spans' worth of small objects.
func allocated(f func()) uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	before := sample[0].Value.Uint64()
	f()
	metrics.Read(sample)
	return sample[0].Value.Uint64() - before
}

// fuzzUnmarshal checks that c decodes data into many types without a panic, and without a disproportionate allocation.
func fuzzUnmarshal(t *testing.T, c codec.Codec, data []byte) {
	t.Helper()
	for _, target := range targets() {
		var err error
		got := allocated(func() { err = c.Unmarshal(data, target) })
		if limit := allowed(data); got > limit {
			t.Fatalf("Unmarshal %d bytes into %T: allocated %d bytes, allowed %d", len(data), target, got, limit)
		}
		// What could be read can be written.
		if r, ok := target.(*record); ok && err == nil {
			_ = roundTrip(t, c, *r)
		}
	}
}

// fuzzRoundTrip checks that c returns a record made of the arguments unchanged.
func fuzzRoundTrip(t *testing.T, c codec.Codec, data []byte, s string, n int64, x float64) {
	t.Helper()
	if math.IsNaN(x) {
		x = 0 // it never equals itself
	}
	want := record{
		base:   base{ID: n, Created: time.Unix(n%(1<<37), n&0x1fffffff)},
		Name:   s,
		Ratio:  x,
		Small:  uint8(n),
		Active: n&1 == 0,
		Data:   data,
		Took:   time.Duration(n),
		Pair:   [2]int16{int16(n), int16(n >> 16)},
		Scores: map[int64]float64{n: x},
	}
	for i := range min(len(s), 40) {
		want.Tags = append(want.Tags, s)
		want.Nodes = append(want.Nodes, node{Name: s, Next: &node{Name: fmt.Sprint(i)}})
	}
	if n&2 == 0 {
		want.Attrs = map[string]string{s: s, "": s}
		want.Parent = &node{Name: s}
	}
	require.Equal(t, want, roundTrip(t, c, want))
}
