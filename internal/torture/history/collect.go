package history

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// manyErrors is how many errors are kept.
const manyErrors = 20

// Collect adds what process reports until it ends. What a process was about to report when it was killed is lost.
func (h *History) Collect(process uint16, from io.Reader) error {
	in := decoder{in: bufio.NewReaderSize(from, 256<<10)}
	for {
		letter, err := in.in.ReadByte()
		if err != nil {
			return ended(err)
		}
		switch letter {
		case isRead:
			h.reads(&in, process)
		case isWrite:
			h.write(&in, process)
		case isError, isTally:
			h.text(&in, letter)
		default:
			return fmt.Errorf("history: process %d reports %q", process, letter)
		}
		if in.err != nil {
			return ended(in.err)
		}
	}
}

func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// decoder keeps the first error.
type decoder struct {
	in  *bufio.Reader
	err error
}

func (d *decoder) number() uint64 {
	n, err := binary.ReadUvarint(d.in)
	if d.err == nil {
		d.err = err
	}
	return n
}

func (h *History) reads(in *decoder, process uint16) {
	how := How(in.number())
	start := int64(in.number())
	end := start + int64(in.number())
	keys := make([]int, in.number())
	reads := make([]Read, len(keys))
	for i := range keys {
		keys[i] = int(in.number())
		reads[i] = Read{Start: start, End: end, Version: uint32(in.number()), Process: process, How: how}
	}
	if in.err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i, key := range keys {
		h.Keys[key].Reads = append(h.Keys[key].Reads, reads[i])
	}
	h.Tally.Reads += int64(len(keys))
	h.Tally.Batches++
}

func (h *History) write(in *decoder, process uint16) {
	key := int(in.number())
	w := Write{Version: uint32(in.number()), Process: process, Start: int64(in.number())}
	w.End = w.Start + int64(in.number())
	w.Outcome = Outcome(in.number())
	if in.err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Keys[key].Writes = append(h.Keys[key].Writes, w)
	h.Tally.Writes++
	switch w.Outcome {
	case Acknowledged:
		h.Tally.Acknowledged++
	case NotInvalidated:
		h.Tally.Unconfirmed++
	case NotWritten:
	}
}

func (h *History) text(in *decoder, letter byte) {
	text := make([]byte, in.number())
	if in.err == nil {
		_, in.err = io.ReadFull(in.in, text)
	}
	if in.err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if letter == isTally {
		var t Tally
		if in.err = json.Unmarshal(text, &t); in.err == nil {
			h.Tally.Add(t)
		}
		return
	}
	h.Tally.ReadErrors++
	if len(h.Errors) < manyErrors {
		h.Errors = append(h.Errors, string(text))
	}
}
