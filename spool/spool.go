// Package spool keeps the keys of failed invalidations on disk, so that a cache repeats them after its process has died
// and was started again. Give one to cachet.Config.Spool.
//
// The directory has a log of lines, one for each key that is put in and one for each that is done with, and each with a
// checksum. A key is safe once its line has been synced; keys that are put in at the same time share one sync. When all
// are done with, the log is emptied. A line that was cut short by a crash was never acknowledged, and is skipped.
package spool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Options configures a Spool. The zero value is usable.
type Options struct {
	// MaxBytes bounds the log on disk, which takes up to 35 bytes more than the key, quoted, for each. While it is
	// rewritten there are two. 0: 64 MiB
	MaxBytes int64
	// Error is told what no method can return: that lines of the log could not be read, or that the log could not
	// be brought up to date, in which case keys that are done with are invalidated again after a restart. nil:
	// slog.Default, at level Warn
	Error func(error)
}

// Errors of Open and Put.
var (
	// ErrLocked: another process, or another Spool of this one, has the directory.
	ErrLocked = errors.New("spool: directory is in use")
	// ErrFull: the log would exceed Options.MaxBytes.
	ErrFull = errors.New("spool: full")
	// ErrClosed: the Spool is closed.
	ErrClosed = errors.New("spool: closed")
)

// Spool is a cachet.Spool in a directory. Caches of one process may share it, for each finds its own keys again by
// their prefix. Its methods may be called concurrently.
type Spool struct {
	opts Options
	lock *os.File

	mu sync.Mutex
	// Guarded by mu. Whoever needs both takes io first.
	pending map[string]uint64 // key → what Put returned last
	live    int64             // bytes of the log that pending needs
	last    uint64
	next    *group // of those who wait for a sync

	io  sync.Mutex
	log *log // guarded by io; nil once closed
}

// group is what is written and synced together.
type group struct {
	lines  []byte
	keys   map[string]uint64
	synced bool // guarded by io
	err    error
}

// Open opens the spool in dir, which it makes if there is none, with what an earlier process has left in it. It returns
// ErrLocked if another process has it. Close it after the caches that use it.
func Open(dir string, opts Options) (*Spool, error) {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = 64 << 20
	}
	if opts.Error == nil {
		opts.Error = func(err error) {
			slog.Default().WarnContext(context.Background(), "cachet", slog.Any("error", err))
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	lock, err := lockFile(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, err
	}
	s := &Spool{opts: opts, lock: lock, pending: make(map[string]uint64), next: newGroup()}
	bad, err := s.replay(filepath.Join(dir, "log"))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("spool: %w", err), lock.Close())
	}
	if bad > 0 {
		opts.Error(fmt.Errorf("spool: %s: %d damaged lines skipped", dir, bad))
	}
	return s, nil
}

func newGroup() *group { return &group{keys: make(map[string]uint64)} }

// Put returns once keys are on disk, with the number under which they are. An error says that some may not be, and why:
// ErrFull, ErrClosed, or what the file system says. What was put in before is safe all the same.
func (s *Spool) Put(keys ...string) (id uint64, err error) {
	s.mu.Lock()
	s.last++
	id = s.last
	g := s.next
	for _, key := range keys {
		g.lines = appendLine(g.lines, put, id, key)
		g.keys[key] = id
	}
	s.mu.Unlock()

	s.io.Lock()
	defer s.io.Unlock()
	if !g.synced { // nobody has been here since, who would have taken these keys along
		s.mu.Lock()
		s.next = newGroup()
		s.mu.Unlock()
		g.synced, g.err = true, s.writeLocked(g)
	}
	if g.err != nil {
		return 0, g.err
	}
	return id, nil
}

func (s *Spool) writeLocked(g *group) error {
	if s.log == nil {
		return ErrClosed
	}
	need := int64(len(g.lines))
	s.mu.Lock()
	full := s.live+need > s.opts.MaxBytes
	s.mu.Unlock()
	if full {
		return ErrFull
	}
	if s.log.broken || s.log.size+need > s.opts.MaxBytes {
		if err := s.compactLocked(); err != nil {
			return err
		}
	}
	if err := s.log.append(g.lines); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := s.log.sync(); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, id := range g.keys {
		s.keepLocked(key, id)
	}
	return nil
}

func (s *Spool) keepLocked(key string, id uint64) {
	if _, ok := s.pending[key]; !ok {
		s.live += lineSize(key)
	}
	s.pending[key] = max(s.pending[key], id)
}

func (s *Spool) dropLocked(key string) {
	if _, ok := s.pending[key]; ok {
		s.live -= lineSize(key)
		delete(s.pending, key)
	}
}

// Done tells that keys need not be kept, if they were put in under id or before, and not again since.
func (s *Spool) Done(id uint64, keys ...string) {
	s.io.Lock()
	defer s.io.Unlock()
	if s.log == nil {
		return
	}
	var lines []byte
	s.mu.Lock()
	for _, key := range keys {
		if at, ok := s.pending[key]; ok && at <= id {
			s.dropLocked(key)
			lines = appendLine(lines, done, id, key)
		}
	}
	left := len(s.pending)
	s.mu.Unlock()
	// No sync: if this is lost, keys are invalidated once more.
	var err error
	switch {
	case len(lines) == 0:
	case s.log.broken && left > 0: // the next Put, or the last Done, writes it anew
	case s.log.broken:
		err = s.compactLocked()
	case left == 0:
		err = s.log.truncate(0)
	default:
		err = s.log.append(lines)
	}
	if err != nil {
		s.opts.Error(fmt.Errorf("spool: %w", err))
	}
}

// Pending returns the keys with a prefix that were put in and are not done with, and under which number.
func (s *Spool) Pending(prefix string) map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make(map[string]uint64)
	for key, id := range s.pending {
		if strings.HasPrefix(key, prefix) {
			found[key] = id
		}
	}
	return found
}

// Close gives the directory free. What is pending stays there. A second Close does nothing.
func (s *Spool) Close() error {
	s.io.Lock()
	defer s.io.Unlock()
	if s.log == nil {
		return nil
	}
	err := errors.Join(s.log.close(), s.lock.Close())
	s.log = nil
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}
