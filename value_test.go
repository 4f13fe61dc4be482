package cachet_test

import (
	"context"
	"errors"
	"math"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/codec"
)

type record struct {
	ID    int64
	Name  string
	Tags  []string
	Attrs map[string]int
	Next  *record
}

// Nothing that a loader may return is taken for absence, for a lease or for a failure.
func TestEveryValueComesBackAsItWasLoaded(t *testing.T) {
	b := newBed(t)
	for _, text := range []string{"", "*", "LOCKED", "_nil_", "nil", "null", "\x00", "\xc1V\x00\x00", "\xc1L", "OK", "-1", "v"} {
		t.Run("string "+text, returns(b, text))
		t.Run("bytes "+text, returns(b, []byte(text)))
	}
	t.Run("zero int", returns(b, 0))
	t.Run("big int", returns(b, int64(math.MinInt64)))
	t.Run("false", returns(b, false))
	t.Run("zero float", returns(b, 0.0))
	t.Run("nil bytes", returns(b, []byte(nil)))
	t.Run("nil slice", returns(b, []string(nil)))
	t.Run("empty slice", returns(b, []string{}))
	t.Run("slice of empty", returns(b, []string{""}))
	t.Run("nil map", returns(b, map[string]int(nil)))
	t.Run("empty map", returns(b, map[string]int{}))
	t.Run("nil pointer", returns(b, (*record)(nil)))
	t.Run("pointer to zero", returns(b, &record{}))
	t.Run("zero struct", returns(b, record{}))
	t.Run("nil in a slice", returns(b, []*record{nil, {ID: 1}}))
	t.Run("record", returns(b, record{
		ID: 7, Name: "n", Tags: []string{}, Attrs: map[string]int{"a": 1}, Next: &record{Name: "*"},
	}))
}

func returns[V any](b *bed, want V) func(t *testing.T) {
	return func(t *testing.T) {
		b.each(t, func(t *testing.T, p place) {
			for shape := range shapes {
				var calls atomic.Int64
				cfg := shaped(shape, func(context.Context, string) (V, error) { calls.Add(1); return want, nil })
				cfg.Name = shape
				c := open(t, p, cfg)
				for range 2 { // as loaded, as stored
					got, err := c.Get(t.Context(), "one")
					require.NoError(t, err)
					same(t, want, got)
					many, err := c.GetMany(t.Context(), []string{"one", "two"})
					require.NoError(t, err)
					require.Len(t, many, 2)
					same(t, want, many["one"])
					same(t, want, many["two"])
				}
				e, ok, err := c.Peek(t.Context(), "one")
				require.NoError(t, err)
				require.True(t, ok)
				require.False(t, e.Absent)
				same(t, want, e.Value)
				require.EqualValues(t, 2, calls.Load())
			}
		})
	}
}

// same is equal, and nil where want is.
func same[V any](t *testing.T, want, got V) {
	t.Helper()
	require.Equal(t, want, got)
	if w, ok := any(want).([]byte); ok { // which Equal compares by content
		require.Equal(t, w == nil, any(got).([]byte) == nil, "nil and empty bytes are mixed up")
	}
}

// Callers may do with a value what they like.
func TestNoTwoCallersShareMemory(t *testing.T) {
	b := newBed(t)
	t.Run("msgpack", func(t *testing.T) { sharesNothing(t, b, codec.MsgPack) })
	t.Run("json", func(t *testing.T) { sharesNothing(t, b, codec.JSON) })
	t.Run("raw", func(t *testing.T) { sharesNothing(t, b, codec.Raw) })
	t.Run("compressed", func(t *testing.T) { sharesNothing(t, b, codec.Compressed(codec.Raw, 8)) })
	t.Run("not worth compressing", func(t *testing.T) { sharesNothing(t, b, codec.Compressed(codec.Raw, 1<<10)) })
}

func sharesNothing(t *testing.T, b *bed, how codec.Codec) {
	t.Helper()
	const text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	b.each(t, func(t *testing.T, p place) {
		own := []byte(text)
		begin := make(chan struct{})
		c := open(t, p, cachet.Config[string, []byte]{
			Codec: how,
			Load:  func(context.Context, string) ([]byte, error) { <-begin; return own, nil },
		})
		const callers = 4
		got := make(chan []byte, callers)
		for range callers {
			go func() {
				v, err := c.Get(t.Context(), "k")
				assert.NoError(t, err)
				assert.Equal(t, text, string(v))
				got <- v
			}()
		}
		until(t, "they wait for one load", func() bool { return c.Stats().Merged == callers-1 })
		close(begin)
		spoil := func(v []byte) {
			for i := range v {
				v[i] = 'x'
			}
			_ = append(v, "xxxxxxxx"...)
		}
		for range callers {
			spoil(receive(t, "a caller", got))
		}
		spoil(own)
		for range 3 {
			v, err := c.Get(t.Context(), "k")
			require.NoError(t, err)
			require.Equal(t, text, string(v))
			spoil(v)
			m, err := c.GetMany(t.Context(), []string{"k"})
			require.NoError(t, err)
			require.Equal(t, text, string(m["k"]))
			spoil(m["k"])
		}
	})
}

// picky is a codec with values that it refuses.
type picky struct{ codec.Codec }

var errPicky = errors.New("not my kind of value")

func (p picky) Marshal(v any) ([]byte, error) {
	if v == "ugly" {
		return nil, errPicky
	}
	return p.Codec.Marshal(v)
}

func (p picky) Unmarshal(data []byte, v any) error {
	if err := p.Codec.Unmarshal(data, v); err != nil {
		return err
	}
	if s := v.(*string); *s == "write-only" {
		*s = "junk"
		return errPicky
	}
	return nil
}

func TestValueThatCannotBeEncodedOrDecodedIsAnErrorAndHarmsNoOther(t *testing.T) {
	b := newBed(t)
	for _, bad := range []string{"ugly", "write-only"} {
		t.Run(bad, func(t *testing.T) {
			b.each(t, func(t *testing.T, p place) {
				src := newSource(map[string]string{"bad": bad, "good": "1"})
				cfg := src.config(true)
				cfg.Codec = picky{codec.JSON}
				c := open(t, p, cfg)
				for try := range 2 {
					m, err := c.GetMany(t.Context(), []string{"bad", "good", "none"})
					var refused *cachet.CodecError
					require.ErrorAs(t, err, &refused)
					require.ErrorIs(t, err, errPicky)
					require.Equal(t, "test:bad", refused.Key)
					require.Equal(t, map[string]string{"good": "1"}, m)

					v, err := c.Get(t.Context(), "bad")
					require.ErrorAs(t, err, &refused)
					require.Empty(t, v)
					require.LessOrEqual(t, src.count(), 2*(try+1), "more than one attempt per read")
				}
				src.set("bad", "better")
				v, err := c.Get(t.Context(), "bad")
				require.NoError(t, err)
				require.Equal(t, "better", v)
			})
		})
	}
}
