package proctest

import (
	"net"
	"os"
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
