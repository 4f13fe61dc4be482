package codec_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vmihailenco/msgpack/v5"

	"github.com/cachet-go/cachet/codec"
)

func TestMsgPackWritesWhatTheLibraryWrites(t *testing.T) {
	v := sample()
	v.Attrs, v.Scores = nil, nil // whose order is random
	want, err := msgpack.Marshal(&v)
	require.NoError(t, err)
	got, err := codec.MsgPack.Marshal(&v)
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

type wide struct {
	A, B, C, D, E, F, G, H string
	Sub                    [16]base
}

// hostile are short data whose lengths lie.
var hostile = map[string][]byte{
	"bin32":                      {0xc6, 0xff, 0xff, 0xff, 0xff},
	"str32":                      {0xdb, 0xff, 0xff, 0xff, 0xff},
	"array16":                    {0xdc, 0xff, 0xff},
	"array32":                    {0xdd, 0xff, 0xff, 0xff, 0xff},
	"array32 with one element":   {0xdd, 0xff, 0xff, 0xff, 0xff, 0xc0},
	"map16":                      {0xde, 0xff, 0xff},
	"map32":                      {0xdf, 0xff, 0xff, 0xff, 0xff},
	"map32 with one pair":        {0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0, 0xc0},
	"ext32":                      {0xc9, 0xff, 0xff, 0xff, 0xff, 0xff},
	"time ext of 2 GiB":          {0xc9, 0x7f, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
	"ext8 that holds a map32":    {0xc7, 5, 1, 0xdf, 0xff, 0xff, 0xff, 0xff},
	"time that holds a map":      {0xd6, 0xff, 0x81, 0xa1, 'k', 0xdd},
	"byte that holds a map32":    {0x92, 0xd4, 0x80, 0xdf, 0xce, 0xff, 0xff, 0xff, 0xff},
	"byte that holds a map16":    {0x92, 0xd4, 0x80, 0xde, 0xcd, 0xff, 0xff},
	"time, then a long map":      {0x92, 0xd6, 0xff, 0x81, 0xa1, 'k', 0xdd, 0xce, 0xff, 0xff, 0xff, 0xff},
	"nested array32":             bytes.Repeat([]byte{0xdd, 0xff, 0xff, 0xff, 0xff}, 100),
	"nested map32":               bytes.Repeat([]byte{0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0}, 100),
	"reserved":                   {0xc1},
	"array that holds it":        {0x91, 0xc1},
	"unknown field that lies":    {0x81, 0xa1, '?', 0xdd, 0xff, 0xff, 0xff, 0xff},
	"unhashable key":             {0x81, 0x90, 0x01},
	"map key of a map":           {0x81, 0x80, 0x01},
	"extension nobody knows":     {0xd4, 0x2a, 0x00},
	"interned string not there":  {0xd4, 0x80, 0x07},
	"interned string far off":    {0xd6, 0x80, 0xff, 0xff, 0xff, 0xff},
	"time of a wrong length":     {0xd5, 0xff, 0x00, 0x00},
	"time of no length":          {0xc7, 0x00, 0xff},
	"string that holds an array": {0xa5, 0xdd, 0xff, 0xff, 0xff, 0xff},
}

func TestMsgPackAllocatesNoMoreThanTheDataJustify(t *testing.T) {
	for name, data := range hostile {
		t.Run(name, func(t *testing.T) {
			for _, target := range targets() {
				got := allocated(func() { _ = codec.MsgPack.Unmarshal(data, target) })
				assert.Less(t, got, allowed(data), "%T", target)
			}
			// In the field that fits, too, and where it is skipped.
			for _, field := range []string{"Data", "Tags", "Nodes", "Attrs", "Scores", "Created", "Parent", "other"} {
				in := append([]byte{0x81, 0xa0 | byte(len(field))}, field...)
				in = append(in, data...)
				got := allocated(func() { _ = codec.MsgPack.Unmarshal(in, new(record)) })
				assert.Less(t, got, allowed(in), "field %s", field)
			}
		})
	}
}

func TestMsgPackRejectsDeepNesting(t *testing.T) {
	open := map[string][]byte{"array": {0x91}, "map": {0x81, 0xa1, 'k'}, "node": append([]byte{0x81, 0xa4}, "Next"...)}
	for name, bracket := range open {
		for _, depth := range []int{10_001, 1_000_000} {
			data := append(bytes.Repeat(bracket, depth), 0xc0)
			for _, target := range []any{new(any), new([]any), new(map[string]any), new(node), new(tree), new(record),
				new(msgpack.RawMessage)} {
				err := codec.MsgPack.Unmarshal(data, target)
				require.Error(t, err, "%d %ss into %T", depth, name, target)
				require.ErrorContains(t, err, "nested")
			}
		}
	}
}

func TestMsgPackAcceptsModerateNesting(t *testing.T) {
	var list *node
	for i := range 5000 {
		list = &node{Name: fmt.Sprint(i), Next: list}
	}
	assert.Equal(t, list, roundTrip(t, codec.MsgPack, list))
}

type interned struct {
	S string `msgpack:",intern"`
	I any    `msgpack:",intern"`
}

// An interned string is written as an extension of one byte once it repeats, and that byte may look like any code.
func TestMsgPackKeepsInternedStrings(t *testing.T) {
	var want []interned
	for range 3 {
		for i := range 400 {
			want = append(want, interned{S: fmt.Sprintf("string %d", i), I: fmt.Sprintf("string %d", (i+1)%400)})
		}
	}
	assert.Equal(t, want, roundTrip(t, codec.MsgPack, want))
}

type extension struct{ b []byte }

func (x *extension) MarshalMsgpack() ([]byte, error) { return x.b, nil }
func (x *extension) UnmarshalMsgpack(b []byte) error { x.b = bytes.Clone(b); return nil }

func TestMsgPackKeepsRegisteredExtensions(t *testing.T) {
	msgpack.RegisterExt(42, (*extension)(nil))
	t.Cleanup(func() { msgpack.UnregisterExt(42) })
	for _, n := range []int{0, 1, 2, 3, 4, 8, 16, 17, 300, 70_000} {
		for _, fill := range []byte{0x00, 0x81, 0xdf, 0xff} {
			b := bytes.Repeat([]byte{fill}, n)
			want := []*extension{{b}, nil, {b}}
			got := roundTrip(t, codec.MsgPack, want).([]*extension)
			require.Len(t, got, 3)
			assert.True(t, bytes.Equal(b, got[0].b) && got[1] == nil && bytes.Equal(b, got[2].b), "%d × %#x", n, fill)

			mixed := roundTrip(t, codec.MsgPack, map[string]any{"x": &extension{b}}).(map[string]any)
			assert.Equal(t, len(b), len(mixed["x"].(*extension).b))
		}
	}
}

func TestMsgPackKeepsTimesAmongMaps(t *testing.T) {
	type row struct {
		At    time.Time
		Attrs map[string]any
		Until *time.Time
	}
	var want []row
	for i := range 300 {
		until := time.Unix(1<<33+int64(i), int64(i)*3_000_000)
		want = append(want, row{time.Unix(int64(i)<<24, 0), map[string]any{"at": until}, &until})
	}
	assert.Equal(t, want, roundTrip(t, codec.MsgPack, want))
}

type fussy struct{}

func (fussy) MarshalMsgpack() ([]byte, error)  { return []byte{0xc0}, nil }
func (*fussy) UnmarshalMsgpack(b []byte) error { panic("fussy") }

type idle struct{}

func (*idle) DecodeMsgpack(*msgpack.Decoder) error { return nil }

type unexported struct{ N int }

func TestMsgPackTurnsPanicsIntoErrors(t *testing.T) {
	type withUintptr struct{ P uintptr }
	_, err := codec.MsgPack.Marshal(withUintptr{})
	assert.Error(t, err)
	assert.Error(t, codec.MsgPack.Unmarshal([]byte{0x81, 0xa1, 'P', 0x01}, new(withUintptr)))

	assert.ErrorContains(t, codec.MsgPack.Unmarshal([]byte{0x01}, new(fussy)), "fussy")
	assert.Error(t, codec.MsgPack.Unmarshal([]byte{0x81, 0x90, 0x01}, new(map[any]any)))
	assert.Error(t, codec.MsgPack.Unmarshal([]byte{0x01}, new(fmt.Stringer)))
	type embedding struct{ *unexported }
	assert.Error(t, codec.MsgPack.Unmarshal([]byte{0x81, 0xa1, 'N', 0x01}, new(embedding)))
}

func TestMsgPackRejectsAValueThatItsDecoderDidNotRead(t *testing.T) {
	assert.ErrorContains(t, codec.MsgPack.Unmarshal([]byte{0x01}, new(idle)), "trailing")
}

type failing struct{}

func (*failing) UnmarshalMsgpack([]byte) error { return errors.New("no") }

func TestMsgPackWorksAfterAFailure(t *testing.T) {
	good, err := codec.MsgPack.Marshal(sample())
	require.NoError(t, err)
	for _, data := range hostile {
		for _, target := range targets() {
			_ = codec.MsgPack.Unmarshal(data, target)
		}
		_ = codec.MsgPack.Unmarshal([]byte{0xa1, 'x'}, new(failing))
		_, _ = codec.MsgPack.Marshal([]any{"left behind", make(chan int)})

		var got record
		require.NoError(t, codec.MsgPack.Unmarshal(good, &got))
		require.Equal(t, sample(), got)
		again, err := codec.MsgPack.Marshal("text")
		require.NoError(t, err)
		require.Equal(t, append([]byte{0xa4}, "text"...), again)
	}
}

func TestMsgPackLosesWhatItsDocumentationSays(t *testing.T) {
	type Embedded struct{ N int }
	type outer struct {
		*Embedded
		hidden int
		Skip   int `msgpack:"-"`
		Any    any
	}
	got := roundTrip(t, codec.MsgPack, outer{hidden: 1, Skip: 2, Any: 3})
	assert.Equal(t, outer{Embedded: &Embedded{}, Any: int8(3)}, got)

	var null []int
	assert.Nil(t, roundTrip(t, codec.MsgPack, &null))
	assert.Equal(t, uint8(300&0xff), func() (n uint8) {
		require.NoError(t, codec.MsgPack.Unmarshal([]byte{0xcd, 300 >> 8, 300 & 0xff}, &n))
		return n
	}())
}

func TestMsgPackAllocatesLittle(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes the pool forget at random")
	}
	value := &flat{ID: 1, Name: "name", Score: 2.5}
	data, err := codec.MsgPack.Marshal(value)
	require.NoError(t, err)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _, _ = codec.MsgPack.Marshal(value) }), 1.0,
		"the result")
	target := new(flat)
	assert.LessOrEqual(t, testing.AllocsPerRun(100, func() { _ = codec.MsgPack.Unmarshal(data, target) }), 1.0,
		"the name")
}

type flat struct {
	ID    int64
	Name  string
	Score float64
}

func FuzzMsgPack(f *testing.F) {
	for _, data := range hostile {
		f.Add(data, "name", int64(1), 0.5)
	}
	for _, v := range []any{sample(), record{}, []time.Time{time.Unix(1<<31, 1)}, map[string]any{"a": []any{1, "b"}}} {
		data, err := codec.MsgPack.Marshal(v)
		require.NoError(f, err)
		f.Add(data, "", int64(-1), 0.0)
	}
	f.Add(binary.BigEndian.AppendUint32([]byte{0xdd}, 3), strings.Repeat("x", 300), int64(1<<40), -1.5)
	f.Fuzz(func(t *testing.T, data []byte, s string, n int64, x float64) {
		fuzzUnmarshal(t, codec.MsgPack, data)
		fuzzRoundTrip(t, codec.MsgPack, data, s, n, x)
	})
}
