// Package codec turns cached values into bytes and back.
//
// [MsgPack] is the default: compact, quick, and faithful to Go types. [JSON] is for records that other programs read.
// [Raw] is for values that are bytes or text already. [Compressed] wraps any of them.
//
// What comes back from Redis is not trusted: bytes that are truncated, corrupt or made by somebody hostile are an
// error, not a panic, and do not make a codec allocate out of proportion to their length; where compressed bytes have
// to, there is a bound, [MaxInflated]. A caller treats that error as a miss.
package codec

import (
	"errors"
	"fmt"
	"reflect"
)

// A Codec turns values into bytes and back. It must be safe for concurrent use.
type Codec interface {
	// Name identifies the encoding. It travels in every record, and a record that bears another name is a miss, so a
	// name must change when the bytes do. It must be constant.
	Name() string

	// Marshal returns the encoding of v. The caller owns the result.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes data into what v points to. Every byte of data belongs to the value: trailing and missing
	// bytes are errors.
	//
	// v must be a non-nil pointer, to a zero value: what becomes of other contents is not promised, and neither is
	// what v holds after an error. Unmarshal must copy whatever it keeps of data, and must not modify it, since
	// concurrent callers share the cached bytes.
	Unmarshal(data []byte, v any) error
}

var (
	// ErrType is returned for a value that a codec does not take at all, whatever it holds: by [Raw] for everything
	// that is neither bytes nor a string, and by the Unmarshal of every codec for a target that is not a non-nil
	// pointer. It points to a mistake in the program, not in the data.
	ErrType = errors.New("codec: unsupported type")

	// ErrTooLarge is returned by a [Compressed] codec for a value whose plain encoding exceeds [MaxInflated].
	ErrTooLarge = errors.New("codec: value too large")
)

// ByPointer reports whether c encodes a pointer as the value that it points to, as the codecs of this package do.
// Passed like that, a value's marshalling methods are found although they have a pointer receiver.
func ByPointer(c Codec) bool {
	switch c := c.(type) {
	case msgPack, jsonText, raw:
		return true
	case *compressed:
		return ByPointer(c.codec)
	}
	return false
}

// checkTarget returns an error unless v, handed to the named codec's Unmarshal, is a non-nil pointer.
func checkTarget(codec string, v any) error {
	if rv := reflect.ValueOf(v); rv.Kind() != reflect.Pointer || rv.IsNil() {
		return fmt.Errorf("codec: %s: unmarshal %T: %w: want a non-nil pointer", codec, v, ErrType)
	}
	return nil
}
