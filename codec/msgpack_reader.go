package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// maxDepth is how deep arrays and maps may be nested, the same as in encoding/json.
const maxDepth = 10_000

var (
	errDepth     = fmt.Errorf("nested more than %d deep", maxDepth)
	errExtension = errors.New("extension read as something else")
)

// msgpackReader feeds a msgpack.Decoder with data that are known to be exactly one well-formed value. Then every
// length that the decoder meets is backed by as many bytes or elements that are really there, and what it allocates
// is proportional to len(data), by a factor that only the target's type decides.
//
// That holds as long as the decoder reads a code where there is a code. It does so except in one place: asked for the
// length of a map, it steps over an extension's header and takes the payload, which is opaque and was not checked, for
// the map. So a payload may be read in one piece but not byte by byte, which is how the decoder reads codes. It also
// reads a payload of a single byte like that, legitimately, for an interned string; such a byte passes, and if it
// was taken for the code of a map with a length to follow, that read starts where a code ought to be and is refused.
type msgpackReader struct {
	data []byte
	pos  int
	exts []span // the extensions' payloads, in order
	next int    // the first of exts that does not end before pos, as of the last ReadByte
	from int    // where that starts, or len(data)
}

// span is a piece of the data, [start, end).
type span struct{ start, end int }

// reset makes the reader read data, after checking that they are one well-formed value and nothing else.
func (r *msgpackReader) reset(data []byte) error {
	r.data, r.pos, r.exts, r.next = data, 0, r.exts[:0], 0
	if err := r.values(1, 0); err != nil {
		return err
	}
	if r.pos != len(data) {
		return errTrailing
	}
	r.pos = 0
	r.seek()
	return nil
}

// seek finds the first extension that does not end before pos.
func (r *msgpackReader) seek() {
	for r.next < len(r.exts) && r.exts[r.next].end <= r.pos {
		r.next++
	}
	r.from = len(r.data)
	if r.next < len(r.exts) {
		r.from = r.exts[r.next].start
	}
}

func (r *msgpackReader) ReadByte() (byte, error) {
	if r.pos >= len(r.data) {
		return 0, io.ErrUnexpectedEOF
	}
	if r.pos >= r.from && r.inExtension() {
		return 0, errExtension
	}
	c := r.data[r.pos]
	r.pos++
	return c, nil
}

// inExtension reports whether pos is within a payload that must be read in one piece.
func (r *msgpackReader) inExtension() bool {
	r.seek()
	return r.pos >= r.from && r.exts[r.next].end-r.from > 1
}

func (r *msgpackReader) UnreadByte() error {
	r.pos--
	return nil
}

func (r *msgpackReader) Read(p []byte) (int, error) {
	if r.pos >= len(r.data) {
		return 0, io.EOF
	}
	if r.next < len(r.exts) && r.exts[r.next].end == r.pos {
		return 0, errExtension
	}
	n := copy(p, r.data[r.pos:])
	r.pos += n
	return n, nil
}

// sizes has 1 + the bytes that follow a code which says how many, and 0 for the other codes.
var sizes = func() (sizes [256]uint8) {
	for c := range 256 {
		switch c := byte(c); {
		case msgpcode.IsFixedNum(c), c == msgpcode.Nil, c == msgpcode.False, c == msgpcode.True:
			sizes[c] = 1
		case msgpcode.IsFixedString(c):
			sizes[c] = 1 + c&msgpcode.FixedStrMask
		case c == msgpcode.Uint8, c == msgpcode.Int8:
			sizes[c] = 1 + 1
		case c == msgpcode.Uint16, c == msgpcode.Int16:
			sizes[c] = 1 + 2
		case c == msgpcode.Uint32, c == msgpcode.Int32, c == msgpcode.Float:
			sizes[c] = 1 + 4
		case c == msgpcode.Uint64, c == msgpcode.Int64, c == msgpcode.Double:
			sizes[c] = 1 + 8
		}
	}
	return sizes
}()

// values steps over n values inside a container at depth. It needs no bound on n: it ends where the data do.
func (r *msgpackReader) values(n uint64, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	for range n {
		if r.pos >= len(r.data) {
			return io.ErrUnexpectedEOF
		}
		c := r.data[r.pos]
		if size := int(sizes[c]); size > 0 {
			if size > len(r.data)-r.pos {
				return io.ErrUnexpectedEOF
			}
			r.pos += size
			continue
		}
		r.pos++
		if err := r.long(c, depth); err != nil {
			return err
		}
	}
	return nil
}

// long steps over what follows a code that says more than a size.
func (r *msgpackReader) long(c byte, depth int) error {
	switch {
	case msgpcode.IsFixedArray(c):
		return r.values(uint64(c&msgpcode.FixedArrayMask), depth+1)
	case msgpcode.IsFixedMap(c):
		return r.values(2*uint64(c&msgpcode.FixedMapMask), depth+1)
	}
	switch c {
	case msgpcode.FixExt1:
		return r.extension(1)
	case msgpcode.FixExt2:
		return r.extension(2)
	case msgpcode.FixExt4:
		return r.extension(4)
	case msgpcode.FixExt8:
		return r.extension(8)
	case msgpcode.FixExt16:
		return r.extension(16)
	}

	var width int
	switch c {
	case msgpcode.Str8, msgpcode.Bin8, msgpcode.Ext8:
		width = 1
	case msgpcode.Str16, msgpcode.Bin16, msgpcode.Ext16, msgpcode.Array16, msgpcode.Map16:
		width = 2
	case msgpcode.Str32, msgpcode.Bin32, msgpcode.Ext32, msgpcode.Array32, msgpcode.Map32:
		width = 4
	default:
		return fmt.Errorf("invalid code %#x", c)
	}
	n, err := r.length(width)
	if err != nil {
		return err
	}
	switch c {
	case msgpcode.Array16, msgpcode.Array32:
		return r.values(n, depth+1)
	case msgpcode.Map16, msgpcode.Map32:
		return r.values(2*n, depth+1)
	case msgpcode.Ext8, msgpcode.Ext16, msgpcode.Ext32:
		return r.extension(n)
	}
	return r.skip(n)
}

// extension steps over an extension's type and its payload of n bytes, and notes where the payload is.
func (r *msgpackReader) extension(n uint64) error {
	if err := r.skip(1); err != nil {
		return err
	}
	start := r.pos
	if err := r.skip(n); err != nil {
		return err
	}
	// An empty payload has no byte to be taken for anything.
	if n > 0 {
		r.exts = append(r.exts, span{start, r.pos})
	}
	return nil
}

// length reads a length that takes width bytes.
func (r *msgpackReader) length(width int) (uint64, error) {
	b := r.data[r.pos:]
	if len(b) < width {
		return 0, io.ErrUnexpectedEOF
	}
	r.pos += width
	switch width {
	case 1:
		return uint64(b[0]), nil
	case 2:
		return uint64(binary.BigEndian.Uint16(b)), nil
	default:
		return uint64(binary.BigEndian.Uint32(b)), nil
	}
}

// skip steps over n bytes.
func (r *msgpackReader) skip(n uint64) error {
	if n > uint64(len(r.data)-r.pos) {
		return io.ErrUnexpectedEOF
	}
	r.pos += int(n)
	return nil
}
