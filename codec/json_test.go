package codec_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/codec"
)

func TestJSONIsPlainJSON(t *testing.T) {
	data, err := codec.JSON.Marshal(map[string]any{"a": []int{1}})
	require.NoError(t, err)
	assert.Equal(t, `{"a":[1]}`, string(data))
}

func TestJSONKeepsIntegersPrecise(t *testing.T) {
	const odd = math.MaxInt64 - 6 // no float64
	assert.Equal(t, int64(odd), roundTrip(t, codec.JSON, int64(odd)))
	assert.Equal(t, []uint64{math.MaxUint64}, roundTrip(t, codec.JSON, []uint64{math.MaxUint64}))
	assert.Equal(t, map[int64]int64{odd: -odd}, roundTrip(t, codec.JSON, map[int64]int64{odd: -odd}))
}

func TestJSONRejectsNumbersThatDoNotFit(t *testing.T) {
	assert.Error(t, codec.JSON.Unmarshal([]byte("300"), new(uint8)))
	assert.Error(t, codec.JSON.Unmarshal([]byte("9223372036854775808"), new(int64)))
	assert.Error(t, codec.JSON.Unmarshal([]byte("1.5"), new(int)))
}

func TestJSONRejectsASecondValue(t *testing.T) {
	for _, data := range []string{`{} {}`, `1 2`, `1,`, `{}x`, `"a""b"`, `null]`} {
		assert.Error(t, codec.JSON.Unmarshal([]byte(data), new(any)), data)
	}
}

func TestJSONRejectsDeepNesting(t *testing.T) {
	assert.Error(t, codec.JSON.Unmarshal([]byte(strings.Repeat("[", 1_000_000)), new(any)))
}

func FuzzJSON(f *testing.F) {
	for _, data := range []string{
		`{"ID":1,"Created":"2026-01-01T00:00:00Z","Tags":["a"],"Nodes":[{"Next":{}}],"Attrs":{"a":"b"}}`,
		`[[[[]]]]`, `{"a":{"b":[1,2.5e300,null,true]}}`, `"\ud800\u0000"`, `null`, `1e999`, `[1,2`, `{} {}`, ``,
	} {
		f.Add([]byte(data), "name", int64(math.MaxInt64), 0.1)
	}
	f.Fuzz(func(t *testing.T, data []byte, s string, n int64, x float64) {
		fuzzUnmarshal(t, codec.JSON, data)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			x = 0
		}
		fuzzRoundTrip(t, codec.JSON, data, strings.ToValidUTF8(s, "?"), n, x)
	})
}
