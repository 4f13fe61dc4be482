package codec_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/cachet-go/cachet/codec"
)

// functions is a codec made of functions: a library without us.
type functions struct {
	marshal   func(any) ([]byte, error)
	unmarshal func([]byte, any) error
}

func (functions) Name() string                         { return "library" }
func (f functions) Marshal(v any) ([]byte, error)      { return f.marshal(v) }
func (f functions) Unmarshal(data []byte, v any) error { return f.unmarshal(data, v) }

var contenders = []struct {
	name  string
	codec codec.Codec
}{
	{"msgpack/library", functions{msgpack.Marshal, msgpack.Unmarshal}},
	{"msgpack/codec", codec.MsgPack},
	{"msgpack+s2/codec", codec.Compressed(codec.MsgPack, 0)},
	{"json/library", functions{json.Marshal, json.Unmarshal}},
	{"json/codec", codec.JSON},
}

func benchValues() map[string]*record {
	small := sample()
	small.Tags = small.Tags[:2]
	large := small
	for range 100 {
		large.Nodes = append(large.Nodes, node{Name: strings.Repeat("node ", 5), Next: &node{Name: "next"}})
	}
	return map[string]*record{"small": &small, "large": &large}
}

func BenchmarkMarshal(b *testing.B) {
	for size, v := range benchValues() {
		for _, c := range contenders {
			b.Run(size+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.codec.Marshal(v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	for size, v := range benchValues() {
		for _, c := range contenders {
			data, err := c.codec.Marshal(v)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(size+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(data)))
				for b.Loop() {
					var got record
					if err := c.codec.Unmarshal(data, &got); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
