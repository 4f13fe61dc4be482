package codec

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/vmihailenco/msgpack/v5"
)

// MsgPack encodes as MessagePack, with the rules and the struct tags of github.com/vmihailenco/msgpack/v5, whose
// Marshal writes the same bytes. Its name is "msgpack".
//
// Nil and empty slices and maps are told apart, embedded structs are inlined, and a time.Time keeps its nanoseconds
// but not its location: it comes back as the same instant in time.Local, the zero time in UTC. What the format cannot
// say is lost:
//   - unexported fields and those tagged msgpack:"-";
//   - the difference between a nil pointer and a pointer to something nil, and between a nil embedded pointer and
//     a pointer to a zero struct, which is what comes back;
//   - inside an interface value, the Go type: an int may return as int8, a struct as map[string]any.
//
// A number that does not fit a narrower target, of a field whose type has changed since, is cut off without an error.
//
// Unmarshal refuses values nested more than 10,000 deep, as encoding/json does. Marshal of a value that contains itself
// overflows the stack. An extension's decoder, if the program has registered one, must read its payload in one piece.
var MsgPack Codec = msgPack{}

type msgPack struct{}

// maxPooled is the largest buffer, in bytes, that is kept for the next value. Without it a single huge value would
// pin its size for good in every pooled buffer that it ever passed through.
const maxPooled = 64 << 10

// The pools are our own, not msgpack.GetEncoder's and GetDecoder's. Those would need a second pool for the buffer
// and the reader. And they are shared with the whole process: a decoder that failed in the middle of a custom
// unmarshaller, anywhere, goes back to the library's pool still recording, and from then on keeps a copy of every byte
// it reads. We drop what has failed.
var (
	msgpackEncoders = sync.Pool{New: func() any {
		return &msgpackEncoder{enc: msgpack.NewEncoder(nil)}
	}}
	msgpackDecoders = sync.Pool{New: func() any {
		return &msgpackDecoder{dec: msgpack.NewDecoder(nil)}
	}}
)

type msgpackEncoder struct {
	enc *msgpack.Encoder
	buf bytes.Buffer
}

type msgpackDecoder struct {
	dec *msgpack.Decoder
	src msgpackReader
}

func (msgPack) Name() string { return "msgpack" }

func (msgPack) Marshal(v any) ([]byte, error) {
	e := msgpackEncoders.Get().(*msgpackEncoder)
	if err := e.encode(v); err != nil {
		return nil, fmt.Errorf("codec: msgpack: marshal %T: %w", v, err)
	}
	data := bytes.Clone(e.buf.Bytes())
	if e.buf.Cap() <= maxPooled {
		msgpackEncoders.Put(e)
	}
	return data, nil
}

func (msgPack) Unmarshal(data []byte, v any) error {
	if err := checkTarget("msgpack", v); err != nil {
		return err
	}
	d := msgpackDecoders.Get().(*msgpackDecoder)
	if err := d.decode(data, v); err != nil {
		return fmt.Errorf("codec: msgpack: unmarshal %T: %w", v, err)
	}
	d.src.data = nil
	if len(data) <= maxPooled {
		msgpackDecoders.Put(d)
	}
	return nil
}

func (e *msgpackEncoder) encode(v any) (err error) {
	defer recoverTo(&err)
	e.buf.Reset()
	e.enc.Reset(&e.buf)
	return e.enc.Encode(v)
}

func (d *msgpackDecoder) decode(data []byte, v any) (err error) {
	// The structure is checked before the library sees a byte, because no option of the library bounds what it does
	// with a length that lies. Five bytes that announce 4 billion elements make it allocate them at once, for byte
	// slices, for slices of any element type but string (its limit tests the wrong bit) and for maps of any; a few
	// megabytes of opening brackets exhaust the stack. Neither can be recovered from: both end the process.
	if err := d.src.reset(data); err != nil {
		return err
	}
	// The rest are panics proper, e.g. of an unhashable key of a map[any]any, or of an array for an interface that
	// has methods.
	defer recoverTo(&err)
	// UsePreallocateValues, which msgpack.Unmarshal turns on, is left off: it starts a goroutine per type that
	// nobody can stop. (The library does so all the same for embedded pointers to structs.)
	d.dec.Reset(&d.src)
	if err := d.dec.Decode(v); err != nil {
		return err
	}
	if d.src.pos != len(data) {
		return errTrailing
	}
	return nil
}

var errTrailing = errors.New("trailing bytes")

// recoverTo turns a panic into an error.
func recoverTo(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("panic: %v", p)
	}
}
