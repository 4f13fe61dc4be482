package cachet

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
)

// keyFunc returns the default for Config.Key: the text of a key, if its type has one that differs for different
// keys.
func keyFunc[K comparable]() (func(K) (string, error), error) {
	var zero K
	t := reflect.TypeFor[K]()
	if t.Kind() == reflect.Interface {
		return nil, fmt.Errorf("cachet: Config.Key is required for keys of type %v", t)
	}
	if t.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return func(k K) (string, error) {
			text, err := any(k).(encoding.TextMarshaler).MarshalText() //nolint:forcetypeassert // checked above
			return string(text), err
		}, nil
	}
	switch any(zero).(type) { // the usual types without reflection
	case string:
		return func(k K) (string, error) { s, _ := any(k).(string); return s, nil }, nil
	case int:
		return func(k K) (string, error) { i, _ := any(k).(int); return strconv.Itoa(i), nil }, nil
	case int64:
		return func(k K) (string, error) { i, _ := any(k).(int64); return strconv.FormatInt(i, 10), nil }, nil
	}
	switch t.Kind() {
	case reflect.String:
		return func(k K) (string, error) { return reflect.ValueOf(k).String(), nil }, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(k K) (string, error) { return strconv.FormatInt(reflect.ValueOf(k).Int(), 10), nil }, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return func(k K) (string, error) { return strconv.FormatUint(reflect.ValueOf(k).Uint(), 10), nil }, nil
	default:
		return nil, fmt.Errorf("cachet: Config.Key is required for keys of type %v", t)
	}
}
