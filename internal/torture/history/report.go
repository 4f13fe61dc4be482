package history

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"sync"

	"github.com/cachet-go/cachet/internal/torture/clock"
)

// A report is a letter and what it announces, in varints: some four bytes for each key that is read in a batch.
const (
	isRead  = 'r' // how, start, duration, number of keys; for each of them its number and version
	isWrite = 'w' // key, version, start, duration, outcome
	isError = 'e' // length, text
	isTally = 't' // length, JSON
)

// Reporter writes reports to the process that checks them. All methods may be called concurrently.
type Reporter struct {
	mu  sync.Mutex
	out *bufio.Writer // guarded by mu
}

// NewReporter returns a reporter to w, which is not to be used otherwise.
func NewReporter(w io.Writer) *Reporter { return &Reporter{out: bufio.NewWriterSize(w, 64<<10)} }

func (r *Reporter) write(b []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, _ = r.out.Write(b) // whoever cannot report is about to be killed
}

// Flush sends what has been reported.
func (r *Reporter) Flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.out.Flush()
}

// Reads reports what a call that has just returned has read. keys and versions are pairs.
func (r *Reporter) Reads(how How, start int64, keys []int, versions []uint32) {
	b := make([]byte, 0, 32+5*len(keys))
	b = append(b, isRead, byte(how))
	b = binary.AppendUvarint(b, uint64(start))
	b = binary.AppendUvarint(b, uint64(clock.Now()-start))
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for i, key := range keys {
		b = binary.AppendUvarint(b, uint64(key))
		b = binary.AppendUvarint(b, uint64(versions[i]))
	}
	r.write(b)
}

// Write reports an Update that has just returned.
func (r *Reporter) Write(key int, version uint32, start int64, outcome Outcome) {
	b := []byte{isWrite}
	for _, n := range []uint64{
		uint64(key), uint64(version), uint64(start), uint64(clock.Now() - start), uint64(outcome),
	} {
		b = binary.AppendUvarint(b, n)
	}
	r.write(b)
}

// Error reports what should not have happened.
func (r *Reporter) Error(text string) { r.text(isError, []byte(text)) }

// Tally reports the counts of a process at its end.
func (r *Reporter) Tally(t Tally) {
	text, err := json.Marshal(t)
	if err != nil {
		panic(err) // it is numbers
	}
	r.text(isTally, text)
}

func (r *Reporter) text(letter byte, text []byte) {
	r.write(append(binary.AppendUvarint([]byte{letter}, uint64(len(text))), text...))
}
