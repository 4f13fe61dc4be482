//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package spool

import (
	"errors"
	"fmt"
	"os"
)

// lockFile refuses where there is no lock that ends with the process: two processes would write one log.
func lockFile(path string) (*os.File, error) {
	return nil, fmt.Errorf("spool: %s: no file locks: %w", path, errors.ErrUnsupported)
}
