package codec

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/s2"
)

// MaxInflated is the largest plain encoding, in bytes, that a [Compressed] codec takes and that it inflates to: 64 MiB.
// A record announces its inflated size itself, and 20 bytes can announce 4 GiB.
const MaxInflated = 64 << 20

const defaultThreshold = 1 << 10

// The first byte of a compressed codec's payload.
const (
	formPlain byte = 0
	formS2    byte = 1
)

// Compressed returns a codec that compresses what c encodes with S2, a faster and denser relative of Snappy. Its name
// is c's name with "+s2" appended. c must not be nil.
//
// An encoding shorter than threshold bytes, or one that compression does not make smaller, is stored plain, at the cost
// of one byte. A threshold of zero or less means 1 KiB. It may be changed at any time: each record says which it is.
//
// A value that c encodes to more than [MaxInflated] bytes, and a record that would inflate to more, are errors that
// wrap [ErrTooLarge]; the latter before anything is allocated for it. Errors of c are returned as they are.
func Compressed(c Codec, threshold int) Codec {
	if threshold <= 0 {
		threshold = defaultThreshold
	}
	return &compressed{codec: c, name: c.Name() + "+s2", threshold: threshold}
}

type compressed struct {
	codec     Codec
	name      string
	threshold int
}

func (c *compressed) Name() string { return c.name }

func (c *compressed) Marshal(v any) ([]byte, error) {
	plain, err := c.codec.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(plain) > MaxInflated {
		return nil, fmt.Errorf("codec: %s: marshal %T: %w: %d bytes, at most %d", c.name, v, ErrTooLarge,
			len(plain), MaxInflated)
	}
	if len(plain) < c.threshold {
		out := make([]byte, 0, 1+len(plain))
		return append(append(out, formPlain), plain...), nil
	}
	out := make([]byte, 1+s2.MaxEncodedLen(len(plain)))
	if block := s2.Encode(out[1:], plain); len(block) < len(plain) {
		out[0] = formS2
		return out[:1+len(block)], nil
	}
	return append(append(out[:0], formPlain), plain...), nil
}

func (c *compressed) Unmarshal(data []byte, v any) error {
	plain, err := inflate(data)
	if err != nil {
		return fmt.Errorf("codec: %s: unmarshal %T: %w", c.name, v, err)
	}
	return c.codec.Unmarshal(plain, v)
}

var errEmpty = errors.New("no data")

// inflate returns the plain encoding, which may be a part of data.
func inflate(data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, errEmpty
	}
	form, data := data[0], data[1:]
	switch form {
	case formPlain:
		return data, nil
	case formS2:
		n, err := s2.DecodedLen(data)
		if err != nil {
			return nil, err
		}
		if n > MaxInflated {
			return nil, fmt.Errorf("%w: inflates to %d bytes, at most %d", ErrTooLarge, n, MaxInflated)
		}
		// The inflated bytes are not pooled: a codec that kept a part of them against its contract would then not
		// only share memory but see it change.
		return s2.Decode(nil, data)
	}
	return nil, fmt.Errorf("unknown form %#x", form)
}
