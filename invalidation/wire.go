package invalidation

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// version is that of the JSON. It grows when a reader of the old one would do the wrong thing; a field that may be
// ignored does not change it.
const version = 1

// wire is an event in JSON.
type wire struct {
	V      int       `json:"v"`
	ID     string    `json:"id"`
	Op     Op        `json:"op,omitempty"`
	Keys   []string  `json:"keys,omitempty"`
	Bytes  [][]byte  `json:"keys_b64,omitempty"` // keys that are not UTF-8, which JSON would alter
	Origin string    `json:"origin,omitempty"`
	Time   time.Time `json:"time"`
}

// Encode returns e as JSON. Its error wraps that of Validate, ErrTooLarge, or ErrMalformed for a Time after the year
// 9999.
func Encode(e Event) ([]byte, error) {
	if err := e.Validate(); err != nil {
		return nil, err
	}
	b, err := e.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrMalformed, err) // a time that JSON has no way to tell
	}
	if len(b) > MaxSize {
		return nil, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(b))
	}
	return b, nil
}

// Decode returns the event that b is. Its error wraps ErrMalformed, ErrUnsupported or ErrTooLarge. Fields that it does
// not know are ignored.
func Decode(b []byte) (Event, error) {
	if len(b) > MaxSize {
		return Event{}, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(b))
	}
	var e Event
	if err := e.UnmarshalJSON(b); err != nil {
		return Event{}, err
	}
	return e, e.Validate()
}

// MarshalJSON is for json.Marshal. Encode checks limits as well.
func (e Event) MarshalJSON() ([]byte, error) {
	w := wire{V: version, ID: e.ID, Op: e.Op, Keys: e.Keys, Origin: e.Origin, Time: e.Time}
	if i := slices.IndexFunc(e.Keys, notUTF8); i >= 0 {
		w.Keys = slices.Clone(e.Keys[:i])
		for _, key := range e.Keys[i:] {
			if notUTF8(key) {
				w.Bytes = append(w.Bytes, []byte(key))
			} else {
				w.Keys = append(w.Keys, key)
			}
		}
	}
	return json.Marshal(w)
}

func notUTF8(key string) bool { return !utf8.ValidString(key) }

// UnmarshalJSON is for json.Unmarshal. Decode checks limits as well. It refuses other versions, with ErrUnsupported.
func (e *Event) UnmarshalJSON(b []byte) error {
	w, ok := scan(b)
	if !ok {
		w = wire{}
		if err := json.Unmarshal(b, &w); err != nil {
			return fmt.Errorf("%w: %w", ErrMalformed, err)
		}
		if !utf8.Valid(b) || halfPair(b) {
			return fmt.Errorf("%w: not UTF-8", ErrMalformed) // encoding/json has altered it, and so perhaps a key
		}
	}
	switch {
	case w.V == 0:
		return fmt.Errorf("%w: no version", ErrMalformed)
	case w.V != version:
		return fmt.Errorf("%w: version %d", ErrUnsupported, w.V)
	}
	*e = Event{ID: w.ID, Op: w.Op, Keys: w.Keys, Origin: w.Origin, Time: w.Time}
	for _, key := range w.Bytes {
		e.Keys = append(e.Keys, string(key))
	}
	return nil
}

// unquote returns the text of a JSON string, or b itself if it is none, or not UTF-8.
func unquote(b []byte) []byte {
	var text string
	if !utf8.Valid(b) || halfPair(b) || json.Unmarshal(b, &text) != nil {
		return b
	}
	return []byte(text)
}

// halfPair reports whether JSON has an escaped half of a surrogate pair without its other half.
func halfPair(b []byte) bool {
	unit := func(i int) (hex string, ok bool) { // the escape at i
		if i+6 > len(b) || b[i] != '\\' || b[i+1] != 'u' {
			return "", false
		}
		return strings.ToLower(string(b[i+2 : i+6])), true
	}
	for i := 0; i < len(b); i++ {
		if b[i] != '\\' {
			continue
		}
		first, ok := unit(i)
		switch {
		case !ok:
			i++ // of two characters
		case first >= "d800" && first < "dc00":
			second, ok := unit(i + 6)
			if !ok || second < "dc00" || second >= "e000" {
				return true
			}
			i += 11
		case first >= "dc00" && first < "e000":
			return true
		default:
			i += 5
		}
	}
	return false
}
