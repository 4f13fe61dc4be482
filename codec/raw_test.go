package codec_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/codec"
)

type (
	name    string
	blob    []byte
	octet   byte
	octets  []octet
	pointer *string
)

func TestRawStoresBytesAsTheyAre(t *testing.T) {
	for _, v := range []any{"a\x00b", []byte("a\x00b"), name("a\x00b"), blob("a\x00b"), octets("a\x00b"),
		json.RawMessage("a\x00b")} {
		data, err := codec.Raw.Marshal(v)
		require.NoError(t, err)
		assert.Equal(t, []byte("a\x00b"), data, "%T", v)
		assert.Equal(t, v, roundTrip(t, codec.Raw, v))
	}
}

func TestRawDoesNotTellNilFromEmpty(t *testing.T) {
	for _, v := range []any{[]byte(nil), []byte{}, blob(nil), blob{}, "", name("")} {
		data, err := codec.Raw.Marshal(v)
		require.NoError(t, err)
		assert.NotNil(t, data)
		assert.Empty(t, data)
	}
	for _, data := range [][]byte{nil, {}} {
		var b []byte
		require.NoError(t, codec.Raw.Unmarshal(data, &b))
		assert.Equal(t, []byte{}, b)
		var bl blob
		require.NoError(t, codec.Raw.Unmarshal(data, &bl))
		assert.Equal(t, blob{}, bl)
		s := "before"
		require.NoError(t, codec.Raw.Unmarshal(data, &s))
		assert.Empty(t, s)
	}
}

func TestRawRefusesOtherTypes(t *testing.T) {
	s := "text"
	for _, v := range []any{nil, 1, true, [3]byte{}, []string{}, []int8{}, []rune("a"), map[string]string{}, struct{}{},
		record{}, &record{}, (*string)(nil), (*[]byte)(nil), pointer(nil), new(*string), bytes.NewBufferString("a")} {
		_, err := codec.Raw.Marshal(v)
		assert.ErrorIs(t, err, codec.ErrType, "%T", v)
	}
	for _, v := range []any{new(int), new([3]byte), new([]string), new([]int8), new(any), new(*string), new(record),
		new(map[string]string)} {
		assert.ErrorIs(t, codec.Raw.Unmarshal([]byte(s), v), codec.ErrType, "%T", v)
	}
}

func FuzzRaw(f *testing.F) {
	f.Add([]byte(nil))
	f.Add([]byte("a\x00\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		fuzzUnmarshal(t, codec.Raw, data)
		var b blob
		require.NoError(t, codec.Raw.Unmarshal(data, &b))
		require.Equal(t, string(data), string(b))
		out, err := codec.Raw.Marshal(name(data))
		require.NoError(t, err)
		require.Equal(t, string(data), string(out))
	})
}
