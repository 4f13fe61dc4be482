package cdc

import (
	"bytes"
	"encoding/json"
	"iter"
	"strings"
	"unicode/utf8"
)

// Row is a row, as far as a message tells it. The zero Row tells nothing.
type Row struct {
	raw    []byte // a JSON object
	over   []byte // another, whose members stand for those of raw
	schema []byte // the Connect schema that has the one of raw as its field, or, if field is empty, that of raw itself
	field  string
}

// IsZero reports whether the message has no such row.
func (r Row) IsZero() bool { return r.raw == nil }

// State says what is known of a column.
type State uint8

// What a Row may say of a column.
const (
	// Unknown: the message does not tell. It leaves the column out, or has a placeholder in its place.
	Unknown State = iota
	// Null: the column is NULL.
	Null
	// Known: the column has a value, and Value.Text is its text.
	Known
	// Unreadable: the column has a value, told in a way of which no text can be made that others would make too: a
	// decimal as the base64 of its digits (decimal.handling.mode=precise), an array or an object.
	Unreadable
)

func (s State) String() string {
	switch s {
	case Null:
		return null
	case Known:
		return "known"
	case Unreadable:
		return "unreadable"
	default:
		return "unknown"
	}
}

// null is that of JSON.
const null = "null"

// Value is what a Row says of a column. The text of a number is what the message has, digit by digit, so that integers
// of any size are what strconv makes of them; that of a boolean is true or false.
type Value struct {
	State State
	Text  string
}

// Column returns what r says of a column. The case of the name matters.
func (r Row) Column(name string) Value {
	raw := member(r.over, name)
	if raw == nil {
		raw = member(r.raw, name)
	}
	if raw == nil {
		return Value{}
	}
	switch raw[0] {
	case 'n':
		return Value{State: Null}
	case '{', '[':
		return Value{State: Unreadable}
	case '"':
		if placeholder(raw) {
			return Value{}
		}
		text, ok := unquote(raw)
		if !ok || r.schema != nil && r.decimal(name) {
			return Value{State: Unreadable}
		}
		return Value{Known, text}
	default:
		return Value{Known, string(raw)}
	}
}

// Columns iterates over the columns that r names, in the order of the message. Those with a placeholder are Unknown.
func (r Row) Columns() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i, part := range [][]byte{r.raw, r.over} {
			s := inside(part)
			for raw, _, ok := s.member(); ok; raw, _, ok = s.member() {
				name, _ := unquote(raw)
				if i > 0 && member(r.raw, name) != nil {
					continue
				}
				if !yield(name, r.Column(name)) {
					return
				}
			}
		}
	}
}

// decimal reports whether the schema says that the column holds bytes of a decimal.
func (r Row) decimal(column string) bool {
	fields := member(r.schema, "fields")
	if r.field != "" {
		fields = member(field(fields, r.field), "fields")
	}
	return string(member(field(fields, column), "name")) == `"org.apache.kafka.connect.data.Decimal"`
}

// field returns the member of the array fields of a Connect schema that is about a field.
func field(fields []byte, name string) []byte {
	s := inside(fields)
	for {
		f, ok := s.element()
		if !ok {
			return nil
		}
		if is(member(f, "field"), name) {
			return f
		}
	}
}

// unavailable stands in messages of Debezium for a value that was too large to be logged and has not changed.
const unavailable = "__debezium_unavailable_value"

// placeholder reports whether raw is unavailable, as text or as bytes, in quotes.
func placeholder(raw []byte) bool {
	switch string(raw) {
	case `"` + unavailable + `"`,
		`"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="`,                 // binary.handling.mode=bytes or base64
		`"5f5f646562657a69756d5f756e617661696c61626c655f76616c7565"`: // =hex
		return true
	}
	return false
}

// unquote returns the text of a JSON string; false, if raw is none, or one that is not the text that was quoted.
func unquote(raw []byte) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	inner := raw[1 : len(raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return "", false
	}
	// Half of a surrogate pair has become this rune, and so would any other half.
	return text, !strings.ContainsRune(text, utf8.RuneError)
}
