package codec_test

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/codec"
)

const plain, compressed = 0, 1 // a payload's first byte

func marshal(t *testing.T, c codec.Codec, v any) []byte {
	t.Helper()
	data, err := c.Marshal(v)
	require.NoError(t, err)
	return data
}

func TestCompressedStoresShortValuesPlain(t *testing.T) {
	c := codec.Compressed(codec.Raw, 100)
	assert.Equal(t, "\x00"+strings.Repeat("a", 99), string(marshal(t, c, strings.Repeat("a", 99))))
	assert.EqualValues(t, compressed, marshal(t, c, strings.Repeat("a", 100))[0])
	assert.Equal(t, []byte{plain}, marshal(t, c, ""))
	assert.Equal(t, []byte{plain}, marshal(t, codec.Compressed(codec.Raw, 1), ""))
}

func TestCompressedThresholdDefaultsToOneKiB(t *testing.T) {
	for _, threshold := range []int{0, -1, math.MinInt} {
		c := codec.Compressed(codec.Raw, threshold)
		assert.EqualValues(t, plain, marshal(t, c, strings.Repeat("a", 1023))[0])
		assert.EqualValues(t, compressed, marshal(t, c, strings.Repeat("a", 1024))[0])
	}
}

func TestCompressedStoresPlainWhatDoesNotShrink(t *testing.T) {
	c := codec.Compressed(codec.Raw, 1)
	rng := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{1, 2, 10, 31, 32, 33, 1000, 100_000} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		data := marshal(t, c, b)
		assert.EqualValues(t, plain, data[0])
		assert.Len(t, data, 1+n)
		assert.Equal(t, b, roundTrip(t, c, b))
	}
}

func TestCompressedShrinksText(t *testing.T) {
	text := strings.Repeat("the quick brown fox ", 1000)
	assert.Less(t, len(marshal(t, codec.Compressed(codec.MsgPack, 0), text)), len(text)/10)
}

func TestCompressedReadsWhatAnotherThresholdWrote(t *testing.T) {
	text := strings.Repeat("text ", 1000)
	never, always := codec.Compressed(codec.MsgPack, math.MaxInt), codec.Compressed(codec.MsgPack, 1)
	for _, writer := range []codec.Codec{never, always} {
		for _, reader := range []codec.Codec{never, always} {
			var got string
			require.NoError(t, reader.Unmarshal(marshal(t, writer, text), &got))
			assert.Equal(t, text, got)
		}
	}
}

// announced returns a payload that claims to inflate to n bytes.
func announced(n uint64) []byte {
	return append(binary.AppendUvarint([]byte{compressed}, n), 0xf0, 0xff, 'a', 'b', 'c', 0x05, 0x00)
}

func TestCompressedRefusesToInflateTooMuch(t *testing.T) {
	c := codec.Compressed(codec.Raw, 0)
	for _, n := range []uint64{codec.MaxInflated + 1, 1 << 30, math.MaxUint32} {
		got := allocated(func() {
			assert.ErrorIs(t, c.Unmarshal(announced(n), new([]byte)), codec.ErrTooLarge)
		})
		assert.Less(t, got, uint64(1<<20), "%d bytes announced", n)
	}
	assert.Error(t, c.Unmarshal(announced(math.MaxUint64), new([]byte)))
}

// fixed encodes everything as the same bytes.
type fixed struct{ data []byte }

func (fixed) Name() string                  { return "fixed" }
func (f fixed) Marshal(any) ([]byte, error) { return f.data, nil }
func (f fixed) Unmarshal(b []byte, _ any) error {
	if len(b) != len(f.data) {
		return errors.New("not the same")
	}
	return nil
}

func TestCompressedTakesNoMoreThanItCouldInflate(t *testing.T) {
	data := make([]byte, codec.MaxInflated+1)
	_, err := codec.Compressed(fixed{data}, 0).Marshal(nil)
	assert.ErrorIs(t, err, codec.ErrTooLarge)

	most := codec.Compressed(fixed{data[:codec.MaxInflated]}, 0)
	require.NoError(t, most.Unmarshal(marshal(t, most, nil), new(any)))
}

func TestCompressedRejectsWhatIsNeitherPlainNorS2(t *testing.T) {
	c := codec.Compressed(codec.Raw, 1)
	good := marshal(t, c, strings.Repeat("a", 5000))
	block := s2.Encode(nil, []byte(strings.Repeat("a", 5000)))
	for _, data := range [][]byte{nil, {}, {compressed}, {2}, append([]byte{2}, block...), append([]byte{0xff}, block...),
		good[:len(good)-1], append(good[:len(good):len(good)], 0), {compressed, 0x80}, {compressed, 5}, {compressed, 0, 0}} {
		assert.Error(t, c.Unmarshal(data, new([]byte)), "%x", data)
	}
}

func TestCompressedPassesOnTheErrorsOfItsCodec(t *testing.T) {
	_, err := codec.Compressed(codec.Raw, 0).Marshal(1)
	assert.ErrorIs(t, err, codec.ErrType)
	assert.ErrorIs(t, codec.Compressed(codec.Raw, 0).Unmarshal([]byte{plain, 'a'}, new(int)), codec.ErrType)
}

func FuzzCompressed(f *testing.F) {
	msgpack := codec.Compressed(codec.MsgPack, 1)
	raw := codec.Compressed(codec.Raw, 1)
	data, err := msgpack.Marshal(sample())
	require.NoError(f, err)
	f.Add(data, "name", int64(1), 0.5)
	data, err = raw.Marshal(strings.Repeat("ab", 3000))
	require.NoError(f, err)
	f.Add(data, strings.Repeat("x", 3000), int64(-1), 0.0)
	f.Add(announced(100), "", int64(0), 0.0)
	f.Add(announced(math.MaxUint32), "", int64(0), 0.0)
	f.Add([]byte{plain, 0xdd, 0xff, 0xff, 0xff, 0xff}, "", int64(0), 0.0)
	f.Add(append([]byte{compressed}, s2.Encode(nil, []byte{0xdd, 0xff, 0xff, 0xff, 0xff})...), "", int64(0), 0.0)
	f.Fuzz(func(t *testing.T, data []byte, s string, n int64, x float64) {
		// An s2 block may announce up to MaxInflated, which is allocated per call: large announcements are for the
		// test of their own and would only make the fuzzer slow.
		if len(data) > 1 && data[0] == compressed {
			if size, err := s2.DecodedLen(data[1:]); err == nil && size > 1<<16 && size <= codec.MaxInflated {
				return
			}
		}
		fuzzUnmarshal(t, msgpack, data)
		fuzzUnmarshal(t, raw, data)
		fuzzRoundTrip(t, msgpack, data, s, n, x)

		var b []byte
		if raw.Unmarshal(data, &b) == nil {
			require.Equal(t, string(b), string(roundTrip(t, raw, b).([]byte)))
		}
	})
}
