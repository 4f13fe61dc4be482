package spool

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"strconv"
)

// The kinds of line.
const (
	put  = '+'
	done = '-'
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli) //nolint:gochecknoglobals // a constant in all but syntax

// appendLine appends checksum, kind, number and key. Quoted, a key has no newline, so that a reader finds the next line
// after one that is damaged.
func appendLine(lines []byte, kind byte, id uint64, key string) []byte {
	body := []byte{kind, ' '}
	body = strconv.AppendUint(body, id, 10)
	body = append(body, ' ')
	body = strconv.AppendQuoteToASCII(body, key)
	lines = fmt.Appendf(lines, "%08x ", crc32.Checksum(body, castagnoli))
	lines = append(lines, body...)
	return append(lines, '\n')
}

// lineSize is at least the size of a line.
func lineSize(key string) int64 {
	const most = math.MaxUint64
	return int64(len(appendLine(nil, put, most, key)))
}

// parseLine is the inverse, for a line without its newline. It reports whether the line is as it was written.
func parseLine(line []byte) (kind byte, id uint64, key string, ok bool) {
	sum, body, ok := bytes.Cut(line, []byte{' '})
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if !ok || err != nil || len(body) < 2 || want != uint64(crc32.Checksum(body, castagnoli)) {
		return 0, 0, "", false
	}
	number, quoted, ok := bytes.Cut(body[2:], []byte{' '})
	if !ok {
		return 0, 0, "", false
	}
	if id, err = strconv.ParseUint(string(number), 10, 64); err != nil {
		return 0, 0, "", false
	}
	if key, err = strconv.Unquote(string(quoted)); err != nil {
		return 0, 0, "", false
	}
	return body[0], id, key, true
}

// replay reads the log and opens it for what comes. It returns how many lines it could not read, without the last one,
// which the death of its writer may have cut short.
func (s *Spool) replay(path string) (bad int, err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the caller's directory
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			_ = file.Close() // nothing was written to it
		}
	}()
	text, err := io.ReadAll(file)
	if err != nil {
		return 0, err
	}
	s.log = &log{path: path, file: file, size: int64(len(text))}
	torn := false
	for line := range bytes.Lines(text) {
		body, whole := bytes.CutSuffix(line, []byte{'\n'})
		if torn {
			bad++ // not the last one
		}
		torn = !whole || !s.apply(body)
	}
	s.log.broken = torn || bad > 0 // the first Put writes it anew
	return bad, nil
}

// apply reports whether the line is good. Nobody else knows of s yet.
func (s *Spool) apply(line []byte) bool {
	kind, id, key, ok := parseLine(line)
	switch {
	case !ok:
		return false
	case kind == put:
		s.keepLocked(key, id)
	case kind == done && s.pending[key] <= id:
		s.dropLocked(key)
	}
	s.last = max(s.last, id)
	return true
}
