package bench_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/cachet-go/cachet/codec"
)

// Codecs against their libraries, and what compresses against what does not.
var codecs = []struct {
	name      string
	codec     codec.Codec
	marshal   func(any) ([]byte, error)
	unmarshal func([]byte, any) error
}{
	{"msgpack", codec.MsgPack, msgpack.Marshal, msgpack.Unmarshal},
	{"msgpack, compressed", codec.Compressed(codec.MsgPack, 0), msgpack.Marshal, msgpack.Unmarshal},
	{"json", codec.JSON, json.Marshal, json.Unmarshal},
}

const atOnce = 100 // operations that are shorter than a look at the clock

func BenchmarkEncode(b *testing.B) {
	for _, c := range codecs {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("%s/%d", c.name, size), func(b *testing.B) {
				p := sized(1, size)
				pairs(b, atOnce,
					func() error { _, err := c.codec.Marshal(&p); return err },
					func() error { _, err := c.marshal(&p); return err })
			})
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range codecs {
		for _, size := range sizes {
			b.Run(fmt.Sprintf("%s/%d", c.name, size), func(b *testing.B) {
				p := sized(1, size)
				mine, err := c.codec.Marshal(&p)
				if err != nil {
					b.Fatal(err)
				}
				theirs, err := c.marshal(&p)
				if err != nil {
					b.Fatal(err)
				}
				pairs(b, atOnce,
					func() error { var p product; return c.codec.Unmarshal(mine, &p) },
					func() error { var p product; return c.unmarshal(theirs, &p) })
			})
		}
	}
}
