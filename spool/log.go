package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// log is the file. What is not said of size goes for the file as it is known: after an error it may be longer.
type log struct {
	path   string
	file   *os.File
	size   int64 // what is good of it
	broken bool  // nothing may be appended: the file is not known to end where size says, or to be on disk
}

// append writes at the end. If it fails the file is as it was, or broken.
func (l *log) append(lines []byte) error {
	if _, err := l.file.WriteAt(lines, l.size); err != nil {
		return errors.Join(err, l.truncate(l.size))
	}
	l.size += int64(len(lines))
	return nil
}

func (l *log) truncate(size int64) error {
	if err := l.file.Truncate(size); err != nil {
		l.broken = true
		return err
	}
	l.size = size
	return nil
}

// sync makes what was appended durable. After an error nobody knows which pages are on disk, and a second sync
// would not tell: the file must be written anew.
func (l *log) sync() error {
	err := l.file.Sync()
	if err != nil {
		l.broken = true
	}
	return err
}

func (l *log) close() error { return l.file.Close() }

// replace puts a new file in the place of the log, whole or not at all.
func (l *log) replace(lines []byte) error {
	next, err := os.OpenFile(l.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = next.Write(lines)
	if err == nil {
		err = next.Sync()
	}
	if err == nil {
		err = os.Rename(next.Name(), l.path)
	}
	if err != nil {
		return errors.Join(err, next.Close(), os.Remove(next.Name())) // it takes room on a disk that is full
	}
	old := l.file
	l.file, l.size, l.broken = next, int64(len(lines)), false
	if err := syncDir(filepath.Dir(l.path)); err != nil {
		l.broken = true // the old file may come back
		return errors.Join(err, old.Close())
	}
	return old.Close()
}

// syncDir makes a rename durable.
func syncDir(path string) error {
	dir, err := os.Open(path) //nolint:gosec // the caller's directory
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// compactLocked writes the log anew, with what is pending only. io is held.
func (s *Spool) compactLocked() error {
	var lines []byte
	s.mu.Lock()
	for key, id := range s.pending {
		lines = appendLine(lines, put, id, key)
	}
	s.mu.Unlock()
	if err := s.log.replace(lines); err != nil {
		return fmt.Errorf("spool: compaction: %w", err)
	}
	return nil
}
