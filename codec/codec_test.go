package codec_test

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/codec"
)

// structured are the codecs that take any Go value; all are those and the ones that take only text.
var (
	structured = []codec.Codec{
		codec.MsgPack,
		codec.JSON,
		codec.Compressed(codec.MsgPack, 0),
		codec.Compressed(codec.MsgPack, 1),
		codec.Compressed(codec.JSON, 1),
		codec.Compressed(codec.Compressed(codec.MsgPack, 1), 1),
	}
	all = append([]codec.Codec{
		codec.Raw,
		codec.Compressed(codec.Raw, 0),
		codec.Compressed(codec.Raw, 1),
	}, structured...)
)

// TestMain moves the tests to a place where local time is not UTC. There encoding/json too returns local times as such,
// so that whole values can be compared.
func TestMain(m *testing.M) {
	time.Local = time.FixedZone("test", 2*60*60)
	os.Exit(m.Run())
}

func each(t *testing.T, codecs []codec.Codec, f func(t *testing.T, c codec.Codec)) {
	t.Helper()
	for i, c := range codecs {
		t.Run(fmt.Sprintf("%s/%d", c.Name(), i), func(t *testing.T) { f(t, c) })
	}
}

type base struct {
	ID      int64
	Created time.Time
}

type node struct {
	Name string
	Next *node
}

type record struct {
	base
	Name    string
	Ratio   float64
	Small   uint8
	Active  bool
	Data    []byte
	Tags    []string
	Nodes   []node
	Attrs   map[string]string
	Scores  map[int64]float64
	Parent  *node
	Nothing *node
	Took    time.Duration
	Pair    [2]int16
	Hash    [4]byte
}

func sample() record {
	return record{
		base:   base{ID: math.MaxInt64, Created: time.Unix(1700000000, 123456789)},
		Name:   "Grüße, 世界 <&>",
		Ratio:  0.1,
		Small:  255,
		Active: true,
		Data:   []byte{0, 0xff, 0xc1},
		Tags:   []string{"a", "", strings.Repeat("long ", 400)},
		Nodes:  []node{{Name: "x"}, {Name: "y", Next: &node{Name: "z"}}},
		Attrs:  map[string]string{"k": "v", "": ""},
		Scores: map[int64]float64{-1: math.SmallestNonzeroFloat64, 1 << 40: math.MaxFloat64},
		Parent: &node{},
		Took:   1500 * time.Millisecond,
		Pair:   [2]int16{-1, math.MaxInt16},
		Hash:   [4]byte{1, 2, 3, 4},
	}
}

// roundTrip returns what c makes of v, in a new value of the same type.
func roundTrip(t *testing.T, c codec.Codec, v any) any {
	t.Helper()
	data, err := c.Marshal(v)
	require.NoError(t, err)
	got := reflect.New(reflect.TypeOf(v))
	require.NoError(t, c.Unmarshal(data, got.Interface()))
	return got.Elem().Interface()
}

func TestNamesAreStable(t *testing.T) {
	assert.Equal(t, "msgpack", codec.MsgPack.Name())
	assert.Equal(t, "json", codec.JSON.Name())
	assert.Equal(t, "raw", codec.Raw.Name())
	assert.Equal(t, "msgpack+s2", codec.Compressed(codec.MsgPack, 0).Name())
	assert.Equal(t, "raw+s2", codec.Compressed(codec.Raw, 17).Name())
}

func TestUnmarshalReturnsWhatMarshalWasGiven(t *testing.T) {
	number := 7
	values := []any{
		sample(),
		record{},
		&record{Name: "pointer"},
		base{ID: math.MinInt64, Created: time.Unix(-1, 1)},
		"", "text", strings.Repeat("a", 70_000),
		[]byte(nil), []byte{}, []byte("bytes"),
		0, -1, int64(math.MaxInt64), int64(math.MaxInt64 - 1), uint64(math.MaxUint64), int8(math.MinInt8),
		int64(1<<53 + 1), math.Pi, float32(0.1), true, false,
		time.Second, time.Unix(1700000000, 1),
		[]string(nil), []string{}, []string{"a", ""},
		[]int(nil), []int{}, []int{1, 2},
		[]node(nil), []node{}, []*node{nil, {Name: "a"}},
		map[string]string(nil), map[string]string{}, map[string]string{"a": "b"},
		map[string]int(nil), map[string]int{}, map[int64]node{1 << 60: {Name: "a"}},
		map[string]any{"s": "t", "n": nil, "b": true, "l": []any{"x"}},
		[]any{nil, "a", false},
		(*int)(nil), &number, (*record)(nil), (*string)(nil),
		[]map[string][]byte{nil, {}, {"a": nil, "b": {}}},
		struct{}{},
	}
	each(t, structured, func(t *testing.T, c codec.Codec) {
		for i, v := range values {
			assert.Equal(t, v, roundTrip(t, c, v), "value %d: %T", i, v)
		}
	})
}

func TestPointerIsEncodedAsWhatItPointsTo(t *testing.T) {
	each(t, all, func(t *testing.T, c codec.Codec) {
		s := "text"
		direct, err := c.Marshal(s)
		require.NoError(t, err)
		pointed, err := c.Marshal(&s)
		require.NoError(t, err)
		assert.Equal(t, direct, pointed)
	})
	each(t, structured, func(t *testing.T, c codec.Codec) {
		// big.Int has its methods on the pointer.
		v := struct{ N big.Int }{*big.NewInt(0).Lsh(big.NewInt(1), 100)}
		data, err := c.Marshal(&v)
		require.NoError(t, err)
		var got struct{ N big.Int }
		require.NoError(t, c.Unmarshal(data, &got))
		assert.Zero(t, v.N.Cmp(&got.N))
	})
}

func TestTimeKeepsItsInstant(t *testing.T) {
	for _, want := range []time.Time{
		{},
		time.Unix(0, 0),
		time.Unix(1<<34, 5),
		time.Unix(-62135596800, 1),
		time.Date(2026, 2, 28, 23, 59, 59, 999999999, time.FixedZone("", 5400)),
	} {
		each(t, structured, func(t *testing.T, c codec.Codec) {
			for _, got := range []time.Time{
				roundTrip(t, c, want).(time.Time),
				*roundTrip(t, c, &want).(*time.Time),
				roundTrip(t, c, base{Created: want}).(base).Created,
				roundTrip(t, c, []time.Time{want}).([]time.Time)[0],
				roundTrip(t, c, map[string]time.Time{"": want}).(map[string]time.Time)[""],
			} {
				assert.True(t, want.Equal(got), "got %v, want %v", got, want)
				assert.Equal(t, want.IsZero(), got.IsZero())
			}
		})
	}
}

// encodings returns data that c made, each with a new value to decode them into.
func encodings(t *testing.T, c codec.Codec) map[string]func() any {
	t.Helper()
	out := make(map[string]func() any)
	add := func(v any) {
		data, err := c.Marshal(v)
		require.NoError(t, err)
		out[string(data)] = func() any { return reflect.New(reflect.TypeOf(v)).Interface() }
	}
	if strings.HasPrefix(c.Name(), "raw") {
		add(strings.Repeat("text ", 1000))
		return out
	}
	add(sample())
	add(strings.Repeat("text ", 1000))
	add([]int{1, 2, 3})
	add(map[string]any{"a": []any{"b"}})
	return out
}

// checks reports whether c's format can tell that bytes are missing or too many: raw bytes that are stored plain
// cannot.
func checks(c codec.Codec) bool { return c.Name() != "raw" && c != all[1] }

func TestUnmarshalRejectsTrailingBytes(t *testing.T) {
	each(t, all, func(t *testing.T, c codec.Codec) {
		if !checks(c) {
			t.Skip("every byte is part of a raw value")
		}
		for data, target := range encodings(t, c) {
			for _, tail := range []string{"\x00", "1", "\xc0", data} {
				assert.Error(t, c.Unmarshal([]byte(data+tail), target()), "tail %q", tail)
			}
		}
	})
}

func TestUnmarshalRejectsTruncatedData(t *testing.T) {
	each(t, all, func(t *testing.T, c codec.Codec) {
		if !checks(c) {
			t.Skip("a part of a raw value is a raw value")
		}
		for data, target := range encodings(t, c) {
			step := 1 + len(data)/200
			for n := 0; n < len(data); n += step {
				assert.Error(t, c.Unmarshal([]byte(data[:n]), target()), "%d of %d bytes", n, len(data))
			}
			assert.Error(t, c.Unmarshal([]byte(data[:len(data)-1]), target()))
		}
	})
}

func TestUnmarshalCopiesWhatItKeeps(t *testing.T) {
	scribbled := func(t *testing.T, c codec.Codec, v any) any {
		data, err := c.Marshal(v)
		require.NoError(t, err)
		before := bytes.Clone(data)
		got := reflect.New(reflect.TypeOf(v))
		require.NoError(t, c.Unmarshal(data, got.Interface()))
		require.Equal(t, before, data, "Unmarshal changed the data")
		for i := range data {
			data[i] = 'X'
		}
		return got.Elem().Interface()
	}
	each(t, structured, func(t *testing.T, c codec.Codec) {
		for _, v := range []any{sample(), "text", []byte("bytes"), []string{"a"}, map[string]any{"k": "v"}} {
			assert.Equal(t, v, scribbled(t, c, v))
		}
	})
	each(t, all, func(t *testing.T, c codec.Codec) {
		assert.Equal(t, "text", scribbled(t, c, "text"))
		assert.Equal(t, []byte("bytes"), scribbled(t, c, []byte("bytes")))
	})
}

func TestCallerOwnsWhatMarshalReturns(t *testing.T) {
	each(t, all, func(t *testing.T, c codec.Codec) {
		value := []byte(strings.Repeat("value ", 300))
		want := bytes.Clone(value)
		first, err := c.Marshal(value)
		require.NoError(t, err)
		kept := bytes.Clone(first)
		_, err = c.Marshal([]byte(strings.Repeat("other ", 300)))
		require.NoError(t, err)
		require.Equal(t, kept, first, "a later Marshal changed it")

		first = append(first, "tail"...)
		for i := range first {
			first[i] = 'X'
		}
		require.Equal(t, want, value, "it shares the value's memory")
		again, err := c.Marshal(value)
		require.NoError(t, err)
		require.Equal(t, kept, again, "it shares the codec's memory")
	})
}

func TestUnmarshalRejectsTargetsThatAreNoPointers(t *testing.T) {
	each(t, all, func(t *testing.T, c codec.Codec) {
		data, err := c.Marshal("text")
		require.NoError(t, err)
		for _, target := range []any{nil, "", []byte{}, (*string)(nil), (*[]string)(nil), (*record)(nil), (*any)(nil)} {
			assert.ErrorIs(t, c.Unmarshal(data, target), codec.ErrType, "%T", target)
		}
	})
}

func TestErrorsNameTheCodec(t *testing.T) {
	for _, c := range []codec.Codec{codec.MsgPack, codec.JSON, codec.Raw} {
		_, err := c.Marshal(make(chan int))
		require.Error(t, err)
		assert.True(t, strings.HasPrefix(err.Error(), "codec: "+c.Name()+": "), err.Error())

		err = c.Unmarshal([]byte("{"), new(chan int))
		require.Error(t, err)
		assert.True(t, strings.HasPrefix(err.Error(), "codec: "+c.Name()+": "), err.Error())

		err = codec.Compressed(c, 0).Unmarshal(nil, new(string))
		require.Error(t, err)
		assert.True(t, strings.HasPrefix(err.Error(), "codec: "+c.Name()+"+s2: "), err.Error())
	}
}

func TestUnmarshalOfRandomBytesNeverPanics(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	each(t, all, func(t *testing.T, c codec.Codec) {
		for range 500 {
			data := make([]byte, rng.IntN(64))
			for i := range data {
				data[i] = byte(rng.Uint32())
			}
			for _, target := range targets() {
				_ = c.Unmarshal(data, target)
			}
		}
	})
}

func TestCodecsAreSafeForConcurrentUse(t *testing.T) {
	each(t, all, func(t *testing.T, c codec.Codec) {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				want := strings.Repeat(fmt.Sprint(i), 100*i)
				for range 200 {
					data, err := c.Marshal(want)
					if !assert.NoError(t, err) {
						return
					}
					_ = c.Unmarshal([]byte{0xdf, 0xff}, new(map[string]int)) // and failures in between
					var got string
					if !assert.NoError(t, c.Unmarshal(data, &got)) || !assert.Equal(t, want, got) {
						return
					}
				}
			})
		}
		wg.Wait()
	})
}
