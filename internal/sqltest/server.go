// Package sqltest runs database servers for tests: PostgreSQL and MariaDB of their own, on free ports of the loopback
// interface, and replicas of PostgreSQL. scripts/install-tools.sh installs them. Where they are missing a test is
// skipped, or fails if the environment says CI.
package sqltest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/cachet-go/cachet/internal/proctest"
)

// Server is a database server. It keeps what is committed when it is killed, though not when the machine is. The
// user may do everything. Methods fail the test if they do not succeed, and must not be called concurrently except
// Exec.
type Server struct {
	Host, Port, User, Password, Database string

	tb      testing.TB
	dir     string
	engine  engine
	process *proctest.Process
}

// engine is what tells one kind of server from another.
type engine interface {
	// prepare makes the files of a server.
	prepare(s *Server) error
	// command returns the command that runs the server.
	command(s *Server) *exec.Cmd
	// ping returns the command that succeeds when the server serves.
	ping(s *Server) *exec.Cmd
	// client returns the command that executes what it reads.
	client(s *Server) *exec.Cmd
	dsn(s *Server) string
	// stop is the signal that ends the server without waiting for its clients.
	stop() syscall.Signal
	// discard is the signal that ends it at once and leaves nothing behind in the system.
	discard() syscall.Signal
}

func start(tb testing.TB, e engine, s *Server) *Server {
	tb.Helper()
	s.tb, s.engine, s.Host = tb, e, "127.0.0.1"
	var err error
	for range 3 { // somebody else may take the port before the server does
		if err = s.create(); err == nil {
			err = s.run()
		}
		if !errors.Is(err, proctest.ErrEnded) {
			break
		}
	}
	if err != nil {
		tb.Fatalf("sqltest: %v", err)
	}
	return s
}

// create makes a server in a directory of its own. That is none of the test's directories, which only their owner
// may enter: PostgreSQL runs as somebody else.
func (s *Server) create() error {
	dir, err := os.MkdirTemp("", "sqltest")
	if err != nil {
		return err
	}
	s.dir = dir
	s.tb.Cleanup(func() {
		s.end(s.engine.discard())
		if err := os.RemoveAll(dir); err != nil {
			s.tb.Errorf("sqltest: %v", err)
		}
	})
	if s.Port, err = proctest.FreePort(); err != nil {
		return err
	}
	return s.engine.prepare(s)
}

func (s *Server) run() error {
	process, err := proctest.Start(s.engine.command(s))
	if err != nil {
		return err
	}
	s.process = process
	return process.Await(func() error { return output(s.engine.ping(s)) })
}

// output runs a command that must succeed.
func output(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w:\n%s", cmd, err, bytes.TrimSpace(out))
	}
	return nil
}

// DSN returns how to connect: a URL that pgx understands, or what go-sql-driver/mysql does.
func (s *Server) DSN() string { return s.engine.dsn(s) }

// Exec executes statements by the command-line client and returns the rows, tab-separated.
func (s *Server) Exec(statements string) string {
	s.tb.Helper()
	cmd := s.engine.client(s)
	cmd.Stdin = strings.NewReader(statements)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		s.tb.Fatalf("sqltest: %s: %v:\n%s", statements, err, stderr.String())
	}
	return strings.TrimSuffix(string(out), "\n")
}

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	s.tb.Helper()
	s.end(syscall.SIGKILL)
}

// Stop ends the server as an operator would who does not wait for clients.
func (s *Server) Stop() {
	s.tb.Helper()
	s.end(s.engine.stop())
}

func (s *Server) end(sig syscall.Signal) {
	s.tb.Helper()
	if s.process == nil {
		return
	}
	if err := s.process.End(sig); err != nil {
		s.tb.Errorf("sqltest: %v", err)
		s.process.Signal(syscall.SIGKILL)
	}
}

// Restart kills the server if it runs, and starts it at the same address with what it had committed.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	if err := s.run(); err != nil {
		s.tb.Fatalf("sqltest: %v", err)
	}
}
