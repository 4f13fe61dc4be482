package proctest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// FreePort returns a port of the loopback interface that was free a moment ago.
func FreePort() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return "", err
	}
	defer ln.Close() //nolint:errcheck // nothing was accepted
	_, port, err := net.SplitHostPort(ln.Addr().String())
	return port, err
}

// Missing skips a test for want of what it needs, or fails it where the environment says CI.
func Missing(tb testing.TB, what error) {
	tb.Helper()
	if os.Getenv("CI") != "" {
		tb.Fatalf("%v (scripts/install-tools.sh installs it)", what)
	}
	tb.Skipf("%v (scripts/install-tools.sh installs it)", what)
}

// Program finds a program by PATH, or else by the patterns of directories: of several that match, in the last. A link
// is followed: beside it, what belongs to the program may be missing.
func Program(name string, patterns ...string) (path string, err error) {
	path, err = exec.LookPath(name)
	for _, pattern := range patterns {
		found, _ := filepath.Glob(filepath.Join(pattern, name)) // the patterns are ours
		if err != nil && len(found) > 0 {
			path, err = found[len(found)-1], nil
		}
	}
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
