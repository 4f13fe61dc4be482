// Package wrongclock sets the wall clock of a program that it starts, and of no other. It needs Linux and a C compiler.
package wrongclock

import (
	_ "embed"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed preload/clock.c
var library []byte

// Clock is the clock of the programs that run in its environment.
type Clock struct {
	dir  string
	file *os.File
}

// New returns a clock that is right for now, and keeps what it needs in dir.
func New(dir string) (*Clock, error) {
	source := filepath.Join(dir, "clock.c")
	if err := os.WriteFile(source, library, 0o600); err != nil {
		return nil, err
	}
	cmd := exec.Command("cc", "-shared", "-fPIC", "-O2", "-o", filepath.Join(dir, "clock.so"), source) //nolint:noctx // it is short
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("wrongclock: %w: %s", err, out)
	}
	file, err := os.Create(filepath.Join(dir, "offset"))
	if err != nil {
		return nil, err
	}
	c := &Clock{dir, file}
	err = c.Set(0)
	return c, err
}

// Environment is what a program needs to run by the clock.
func (c *Clock) Environment() []string {
	return []string{"LD_PRELOAD=" + filepath.Join(c.dir, "clock.so"), "WRONG_CLOCK=" + c.file.Name()}
}

// Set puts the clock off by d.
func (c *Clock) Set(d time.Duration) error {
	_, err := c.file.WriteAt(binary.NativeEndian.AppendUint64(nil, uint64(d)), 0)
	return err
}

// Close ends the setting of the clock. Programs go on by the last one.
func (c *Clock) Close() error { return c.file.Close() }
