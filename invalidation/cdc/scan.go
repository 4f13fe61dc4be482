package cdc

// scan walks through the members of a JSON object, or the elements of an array. What it walks through must be valid
// (json.Valid): it looks for ends only. To have encoding/json make maps of an update, of which two or three columns are
// asked for, takes 11 µs; all that is done here with one takes 8.
type scan struct {
	b []byte
	i int
}

// inside returns a scan of a value, which finds nothing if that is neither an object nor an array.
func inside(b []byte) scan {
	if i := space(b, 0); i < len(b) && (b[i] == '{' || b[i] == '[') {
		return scan{b, i + 1}
	}
	return scan{}
}

// member returns the next member of an object: its name, in quotes, and its value.
func (s *scan) member() (name, value []byte, ok bool) {
	name, ok = s.element()
	if !ok || name[0] != '"' {
		return nil, nil, false
	}
	s.i = space(s.b, s.i) + 1 // the colon
	value, ok = s.element()
	return name, value, ok
}

// element returns the next element of an array.
func (s *scan) element() (value []byte, ok bool) {
	i := space(s.b, s.i)
	if i < len(s.b) && s.b[i] == ',' {
		i = space(s.b, i+1)
	}
	if i >= len(s.b) || s.b[i] == '}' || s.b[i] == ']' {
		return nil, false
	}
	s.i = skip(s.b, i)
	return s.b[i:s.i], true
}

// member returns the value of a member of an object; nil, if b is no object or has none of that name.
func member(b []byte, name string) []byte {
	if len(b) == 0 || b[0] != '{' {
		return nil
	}
	s := inside(b)
	for {
		raw, value, ok := s.member()
		if !ok {
			return nil
		}
		if is(raw, name) {
			return value
		}
	}
}

// is reports whether raw, in quotes, is name.
func is(raw []byte, name string) bool {
	if len(raw) == len(name)+2 && string(raw[1:len(raw)-1]) == name {
		return true
	}
	if len(raw) <= len(name)+2 { // an escaped name is longer
		return false
	}
	text, ok := unquote(raw)
	return ok && text == name
}

// space returns the index of what follows the white space at i.
func space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\t' || b[i] == '\r') {
		i++
	}
	return i
}

// skip returns the index of what follows the value that begins at i.
func skip(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipText(b, i)
	case '{', '[':
		return skipNested(b, i)
	}
	for i < len(b) && !ending(b[i]) {
		i++
	}
	return i
}

// ending reports whether c may follow a number or a literal.
func ending(c byte) bool {
	return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\t' || c == '\r'
}

func skipText(b []byte, i int) int {
	for i++; ; i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
}

func skipNested(b []byte, i int) int {
	depth := 0
	for {
		switch b[i] {
		case '"':
			i = skipText(b, i)
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
		i++
	}
}
