// Package zktest runs a ZooKeeper server for tests: one node on a free port of the loopback interface. Where ZooKeeper
// or Java is missing a test is skipped, or fails if the environment says CI.
package zktest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cachet-go/cachet/internal/proctest"
)

// Tick is the server's unit of time. Sessions last two of them at least and twenty at most.
const Tick = 100 * time.Millisecond

// Server is a ZooKeeper server. It keeps nothing when the test ends.
type Server struct {
	Addr string // host and port

	tb      testing.TB
	process *proctest.Process
}

// Start starts a server and waits until it serves, which takes about two seconds.
func Start(tb testing.TB) *Server {
	tb.Helper()
	java, err := exec.LookPath("java")
	if err != nil {
		proctest.Missing(tb, fmt.Errorf("zktest: %w", err))
	}
	jars, err := classpath()
	if err != nil {
		proctest.Missing(tb, err)
	}
	s := &Server{tb: tb}
	for range 3 { // somebody else may take the port before the server does
		if err = s.run(java, jars); !errors.Is(err, proctest.ErrEnded) {
			break
		}
	}
	if err != nil {
		tb.Fatalf("zktest: %v", err)
	}
	tb.Cleanup(s.Stop)
	return s
}

// classpath is Debian's jar, which names the others, or all of a distribution of one's own.
func classpath() (string, error) {
	if home := os.Getenv("ZOOKEEPER_HOME"); home != "" {
		return filepath.Join(home, "lib", "*"), nil
	}
	const jar = "/usr/share/java/zookeeper.jar"
	if _, err := os.Stat(jar); err != nil {
		return "", fmt.Errorf("zktest: %w", err)
	}
	return jar, nil
}

func (s *Server) run(java, jars string) error {
	port, err := proctest.FreePort()
	if err != nil {
		return err
	}
	s.Addr = net.JoinHostPort("127.0.0.1", port)
	dir := s.tb.TempDir()
	config := filepath.Join(dir, "zoo.cfg")
	err = os.WriteFile(config, fmt.Appendf(nil, "tickTime=%d\ndataDir=%s\nclientPortAddress=127.0.0.1\nclientPort=%s\n"+
		"admin.enableServer=false\n4lw.commands.whitelist=ruok\n", Tick.Milliseconds(), dir, port), 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(java, "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", //nolint:gosec,noctx // ours
		"-Dzookeeper.forceSync=no", // as durable as a test can tell
		"-cp", jars, "org.apache.zookeeper.server.quorum.QuorumPeerMain", config)
	cmd.Dir = dir
	if s.process, err = proctest.Start(cmd); err != nil {
		return err
	}
	return s.process.Await(s.serves)
}

func (s *Server) serves() error {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second) //nolint:noctx // it has a time-out
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte("ruok"))
	reply := make([]byte, 4)
	n, _ := conn.Read(reply)
	if got := string(reply[:n]); !strings.HasPrefix(got, "imok") {
		return fmt.Errorf("ruok: got %q, want imok", got)
	}
	return nil
}

// Stop ends the server at once.
func (s *Server) Stop() {
	s.tb.Helper()
	if err := s.process.End(syscall.SIGKILL); err != nil {
		s.tb.Errorf("zktest: %v", err)
	}
}
