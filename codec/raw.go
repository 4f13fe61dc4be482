package codec

import (
	"bytes"
	"fmt"
	"reflect"
)

// Raw stores bytes and text as they are: []byte, string, and named types of those two kinds. Its name is "raw". Every
// other type is refused with an error that wraps [ErrType].
//
// Nil and empty are not told apart: both are stored as no bytes, which come back as an empty slice that is not nil.
// The types are not told apart either: what was stored as a string can be read as a []byte.
var Raw Codec = raw{}

type raw struct{}

func (raw) Name() string { return "raw" }

func (raw) Marshal(v any) ([]byte, error) {
	switch v := v.(type) {
	case []byte:
		return copied(v), nil
	case string:
		return []byte(v), nil
	}
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		rv = rv.Elem()
	}
	switch {
	case isBytes(rv):
		return copied(rv.Bytes()), nil
	case rv.Kind() == reflect.String:
		return []byte(rv.String()), nil
	}
	return nil, fmt.Errorf("codec: raw: marshal %T: %w", v, ErrType)
}

func (raw) Unmarshal(data []byte, v any) error {
	if err := checkTarget("raw", v); err != nil {
		return err
	}
	switch v := v.(type) {
	case *[]byte:
		*v = copied(data)
		return nil
	case *string:
		*v = string(data)
		return nil
	}
	rv := reflect.ValueOf(v).Elem()
	switch {
	case isBytes(rv):
		rv.SetBytes(copied(data))
		return nil
	case rv.Kind() == reflect.String:
		rv.SetString(string(data))
		return nil
	}
	return fmt.Errorf("codec: raw: unmarshal %T: %w", v, ErrType)
}

// copied returns a copy of b that is never nil.
func copied(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return bytes.Clone(b)
}

func isBytes(v reflect.Value) bool {
	return v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8
}
