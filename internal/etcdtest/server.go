// Package etcdtest runs an etcd server for tests: one node on free ports of the loopback interface. Where etcd is
// missing a test is skipped, or fails if the environment says CI.
package etcdtest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/cachet-go/cachet/internal/proctest"
)

// Server is an etcd server. It keeps nothing when the test ends.
type Server struct {
	Addr string // of clients, host and port

	tb      testing.TB
	process *proctest.Process
}

// Start starts a server and waits until it serves.
func Start(tb testing.TB) *Server {
	tb.Helper()
	path, err := proctest.Program("etcd", "/usr/bin")
	if err != nil {
		proctest.Missing(tb, fmt.Errorf("etcdtest: %w", err))
	}
	s := &Server{tb: tb}
	for range 3 { // somebody else may take a port before the server does
		if err = s.run(path); !errors.Is(err, proctest.ErrEnded) {
			break
		}
	}
	if err != nil {
		tb.Fatalf("etcdtest: %v", err)
	}
	tb.Cleanup(s.Stop)
	return s
}

func (s *Server) run(path string) error {
	clients, err := proctest.FreePort()
	if err != nil {
		return err
	}
	peers, err := proctest.FreePort()
	if err != nil {
		return err
	}
	s.Addr = net.JoinHostPort("127.0.0.1", clients)
	client, peer := "http://"+s.Addr, "http://"+net.JoinHostPort("127.0.0.1", peers)
	cmd := exec.Command(path, "--name=test", "--data-dir="+s.tb.TempDir(), //nolint:gosec,noctx // ours, and ended by a signal
		"--listen-client-urls="+client, "--advertise-client-urls="+client,
		"--listen-peer-urls="+peer, "--initial-advertise-peer-urls="+peer, "--initial-cluster=test="+peer,
		"--unsafe-no-fsync",                                 // as durable as a test can tell
		"--heartbeat-interval=50", "--election-timeout=500") // which the least TTL of a lease follows
	if s.process, err = proctest.Start(cmd); err != nil {
		return err
	}
	return s.process.Await(s.healthy)
}

func (s *Server) healthy() error {
	client := http.Client{Timeout: time.Second}
	resp, err := client.Get("http://" + s.Addr + "/health") //nolint:noctx // it has a time-out
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // read
	body, err := io.ReadAll(resp.Body)
	if err == nil && !bytes.Contains(body, []byte(`"health":"true"`)) {
		err = fmt.Errorf("health: %s", body)
	}
	return err
}

// Stop ends the server at once.
func (s *Server) Stop() {
	s.tb.Helper()
	if err := s.process.End(syscall.SIGKILL); err != nil {
		s.tb.Errorf("etcdtest: %v", err)
	}
}

// Pause makes the server stand still.
func (s *Server) Pause() { s.process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.process.Signal(syscall.SIGCONT) }
