// Package record is the byte layout of a record in Redis: the one place in Go that knows it. The scripts of
// store/redisstore are the other, and name the same offsets.
//
// All integers are big endian.
//
//	off len
//	  0   1  version, 0xC1: no UTF-8 text and no MessagePack document begins with it
//	  1   1  kind: V value, L lease, F fence, P probation
//	  2   1  flags: 1 absent (V), 2 somebody waits (L), 4 on probation (V, L)
//	  3   1  V: length of the codec's name · F: number of tokens
//	V and L:
//	  4   8  stamp: nonce
//	 12   8  stamp: time of the grant, µs
//	L on probation:
//	 20   8  end of the probation, µs
//	 28   8  end of the lease, µs: the key outlives the lease
//	V:
//	 20   6  born, ms
//	 26   6  fresh for, ms from born; 0 is no limit but the TTL
//	 32   2  load cost, ms
//	 34   2  claimed for, units of 10 ms from the time of the stamp
//	 36   n  the codec's name, at most 11 bytes
//	36+n     payload
//	P:
//	  4   8  end of the probation, µs
//	F:
//	  4 16k  per writer: token, end of its fence in µs; under token 0, the end of a probation below the fences
//
// A value on probation lasts as long as that does: its key has no deadline but the end of the probation.
package record

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"github.com/cachet-go/cachet/store"
)

// Sizes and marks of the layout.
const (
	Version = 0xC1

	ValueHeader = 36 // without the codec's name
	LeaseSize   = 20
	MaxCodec    = 11
	ClaimUnit   = 10 * time.Millisecond

	KindValue     = 'V'
	KindLease     = 'L'
	KindFence     = 'F'
	KindProbation = 'P'

	// The longest time.Duration in milliseconds: a corrupt record must not make a negative one.
	maxMillis = uint64(math.MaxInt64 / time.Millisecond)

	flagAbsent    = 1
	flagProbation = 4

	probationLease = 36
	fenceToken     = 16
)

// CodecName is the form in which a codec's name stands in records. A name longer than MaxCodec is cut and told
// apart from others by its hash.
func CodecName(name string) string {
	if len(name) <= MaxCodec {
		return name
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // a hash never fails
	return fmt.Sprintf("%s%08x", name[:MaxCodec-8], h.Sum32())
}

// AppendValue appends the record of f, which bears f's stamp and is as old as that.
func AppendValue(dst []byte, f store.Fill) []byte {
	codec := CodecName(f.Codec)
	var flags byte
	if f.Absent {
		flags |= flagAbsent
	}
	dst = append(dst, Version, KindValue, flags, byte(len(codec)))
	dst = AppendStamp(dst, f.Stamp)
	dst = appendUint48(dst, uint64(max(f.Stamp.Granted/1000, 0)))
	dst = appendUint48(dst, millis(f.FreshFor, maxMillis))
	dst = binary.BigEndian.AppendUint16(dst, uint16(millis(f.LoadCost, math.MaxUint16)))
	dst = binary.BigEndian.AppendUint16(dst, 0)
	dst = append(dst, codec...)
	return append(dst, f.Payload...)
}

// AppendStamp appends the 16 bytes of s.
func AppendStamp(dst []byte, s store.Stamp) []byte {
	dst = binary.BigEndian.AppendUint64(dst, s.Nonce)
	return binary.BigEndian.AppendUint64(dst, uint64(s.Granted))
}

// Stamp reads what AppendStamp wrote. It is zero if b is too short.
func Stamp(b []byte) store.Stamp {
	if len(b) < 16 {
		return store.Stamp{}
	}
	return store.Stamp{Nonce: binary.BigEndian.Uint64(b), Granted: int64(binary.BigEndian.Uint64(b[8:]))}
}

// Parse reads a record without copying. It never fails: what it does not know is store.Foreign.
func Parse(b []byte) store.Record {
	if len(b) < 4 || b[0] != Version {
		return store.Record{Kind: store.Foreign}
	}
	switch b[1] {
	case KindValue:
		return parseValue(b)
	case KindLease:
		if len(b) == LeaseSize && b[2]&flagProbation == 0 || len(b) == probationLease && b[2]&flagProbation != 0 {
			return store.Record{Kind: store.Lease, Stamp: Stamp(b[4:])}
		}
	case KindFence:
		if n := int(b[3]); n > 0 && len(b) == 4+n*fenceToken {
			return store.Record{Kind: store.Fence}
		}
	case KindProbation:
		if len(b) == 12 {
			return store.Record{Kind: store.Probation}
		}
	}
	return store.Record{Kind: store.Foreign}
}

// Layered reports whether b, a lease or a fence, lies over a probation. Such a record outlasts its upper layer,
// and what stands on its key is for the server's clock to say.
func Layered(b []byte) bool {
	kind := Parse(b).Kind
	if kind == store.Fence {
		for at := 4; at < len(b); at += fenceToken {
			if binary.BigEndian.Uint64(b[at:]) == 0 {
				return true
			}
		}
	}
	return kind == store.Lease && b[2]&flagProbation != 0
}

func parseValue(b []byte) store.Record {
	if len(b) < ValueHeader || len(b) < ValueHeader+int(b[3]) || b[3] > MaxCodec {
		return store.Record{Kind: store.Foreign}
	}
	end := ValueHeader + int(b[3])
	return store.Record{
		Kind:     store.Value,
		Stamp:    Stamp(b[4:]),
		Absent:   b[2]&flagAbsent != 0,
		Born:     int64(uint48(b[20:])),
		FreshFor: time.Duration(min(uint48(b[26:]), maxMillis)) * time.Millisecond,
		LoadCost: time.Duration(binary.BigEndian.Uint16(b[32:])) * time.Millisecond,
		Claimed:  time.Duration(binary.BigEndian.Uint16(b[34:])) * ClaimUnit,
		Codec:    b[ValueHeader:end:end],
		Payload:  b[end:len(b):len(b)],
	}
}

// millis rounds d up to milliseconds, at most most.
func millis(d time.Duration, most uint64) uint64 {
	if d <= 0 {
		return 0
	}
	return min(uint64((d-1)/time.Millisecond)+1, most)
}

func appendUint48(dst []byte, v uint64) []byte {
	return append(dst, byte(v>>40), byte(v>>32), byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
}

func uint48(b []byte) uint64 {
	return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
}
