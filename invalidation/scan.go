package invalidation

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// scan decodes an event in the very form in which MarshalJSON writes it, as nearly all are: six times as fast as
// encoding/json, and with two allocations. It reports false for whatever else may be right, too, as escapes, spaces and
// fields it does not know.
func scan(b []byte) (w wire, ok bool) {
	s := scanner{rest: string(b)}
	if !s.skip("{") {
		return w, false
	}
	for seen := 0; ; {
		name, ok := s.text()
		if !ok || !s.skip(":") {
			return w, false
		}
		field := 0
		switch name {
		case "v":
			field, ok = 1, s.number(&w.V)
		case "id":
			field = 2
			w.ID, ok = s.text()
		case "op":
			var op string
			field = 4
			op, ok = s.text()
			w.Op = Op(op)
		case "keys":
			field = 8
			w.Keys, ok = s.texts()
		case "origin":
			field = 16
			w.Origin, ok = s.text()
		case "time":
			var text string
			field = 32
			text, ok = s.text()
			ok = ok && w.Time.UnmarshalText([]byte(text)) == nil
		}
		if !ok || field == 0 || seen&field != 0 {
			return w, false
		}
		seen |= field
		if s.skip("}") {
			return w, s.rest == ""
		}
		if !s.skip(",") {
			return w, false
		}
	}
}

// scanner reads JSON that has no spaces.
type scanner struct{ rest string }

func (s *scanner) skip(what string) (ok bool) {
	s.rest, ok = strings.CutPrefix(s.rest, what)
	return ok
}

// text reads a string without escapes.
func (s *scanner) text() (string, bool) {
	if s.rest == "" || s.rest[0] != '"' {
		return "", false
	}
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			text := s.rest[1:i]
			s.rest = s.rest[i+1:]
			return text, utf8.ValidString(text)
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

func (s *scanner) texts() ([]string, bool) {
	if !s.skip("[") || s.skip("]") {
		return nil, false
	}
	texts := make([]string, 0, 1)
	for {
		text, ok := s.text()
		if !ok {
			return nil, false
		}
		texts = append(texts, text)
		if s.skip("]") {
			return texts, true
		}
		if !s.skip(",") {
			return nil, false
		}
	}
}

func (s *scanner) number(n *int) bool {
	i := 0
	for i < len(s.rest) && '0' <= s.rest[i] && s.rest[i] <= '9' {
		i++
	}
	if i == 0 || i > 9 || i > 1 && s.rest[0] == '0' {
		return false
	}
	var err error
	*n, err = strconv.Atoi(s.rest[:i])
	s.rest = s.rest[i:]
	return err == nil
}
