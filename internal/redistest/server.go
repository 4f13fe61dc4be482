// Package redistest starts Redis servers for tests: processes of their own on free ports of the loopback
// interface, which end with the test. [Proxy] plays a bad network.
package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cachet-go/cachet/internal/proctest"
)

// patience is how long a server may take to come up or to end.
const patience = 20 * time.Second

// Server is a redis-server process. Its methods fail the test if they do not succeed.
type Server struct {
	Addr string

	tb   testing.TB
	dir  string
	file string // of configuration, if any
	args []string
	env  []string // besides that of the test

	mu sync.Mutex
	// Guarded by mu.
	process *proctest.Process // nil if it does not run
}

// Start starts a server that keeps nothing on disk, and waits until it answers. args are added to its command
// line. Without redis-server the test is skipped, or fails where the environment says CI.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return start(tb, "", nil, args...)
}

// StartIn starts a server in an environment that has env besides, such as a library that sets its clock.
func StartIn(tb testing.TB, env []string, args ...string) *Server {
	tb.Helper()
	return start(tb, "", env, args...)
}

func start(tb testing.TB, file string, env []string, args ...string) *Server {
	tb.Helper()
	var s *Server
	for range 5 { // somebody else may take the port before the server does
		addr := freeAddr(tb)
		s = &Server{Addr: addr, tb: tb, dir: tb.TempDir(), file: file, args: args, env: env}
		if err := s.start(); !errors.Is(err, proctest.ErrEnded) {
			break
		}
	}
	tb.Cleanup(s.Kill)
	s.await()
	return s
}

// Replica starts a replica of s and waits until it has what s has. args are added to its command line.
func (s *Server) Replica(tb testing.TB, args ...string) *Server {
	tb.Helper()
	host, port := s.HostPort()
	r := Start(tb, append([]string{"--replicaof", host + " " + port}, args...)...)
	r.awaitReplication()
	return r
}

// awaitReplication waits until a replica has what its master has.
func (s *Server) awaitReplication() {
	s.tb.Helper()
	await(s.tb, "the replica is up to date", func() bool {
		info, _ := s.Do("info", "replication").(string)
		return strings.Contains(info, "master_link_status:up")
	})
}

// await waits until something is so.
func await(tb testing.TB, what string, so func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("redistest: waited in vain: %s", what)
		}
	}
}

// HostPort returns the two parts of Addr.
func (s *Server) HostPort() (host, port string) {
	s.tb.Helper()
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
	return host, port
}

func freeAddr(tb testing.TB) string {
	tb.Helper()
	port, err := proctest.FreePort()
	if err != nil {
		tb.Fatalf("redistest: %v", err)
	}
	return net.JoinHostPort("127.0.0.1", port)
}

func path(tb testing.TB, program string) string {
	tb.Helper()
	path, err := exec.LookPath(program) // not where a link leads: Redis goes by the name it is called by
	if err != nil {
		proctest.Missing(tb, fmt.Errorf("redistest: %w", err))
	}
	return path
}

// start starts the process and returns an error if it ends before it answers.
func (s *Server) start() error {
	s.tb.Helper()
	host, port := s.HostPort()
	args := append([]string{
		"--bind", host, "--port", port, "--dir", s.dir, // where a replica puts what it is sent, and would find it again
		"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0",
	}, s.args...)
	if s.file != "" {
		args = append([]string{s.file}, args...)
	}
	cmd := exec.Command(path(s.tb, "redis-server"), args...) //nolint:gosec,noctx // Kill ends it
	cmd.Env = append(os.Environ(), s.env...)
	process, err := proctest.Start(cmd)
	if err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
	s.mu.Lock()
	s.process = process
	s.mu.Unlock()
	return process.Await(func() error {
		if !s.answers() {
			return errors.New("no answer")
		}
		return nil
	})
}

func (s *Server) answers() bool {
	conn, err := net.DialTimeout("tcp", s.Addr, time.Second) //nolint:noctx // it has a time-out
	if err != nil {
		return false
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte("PING\r\n"))
	reply := make([]byte, 5)
	n, _ := conn.Read(reply)
	return string(reply[:n]) == "+PONG"
}

func (s *Server) await() {
	s.tb.Helper()
	for deadline := time.Now().Add(patience); !s.answers(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.tb.Fatalf("redistest: no answer from %s:\n%s", s.Addr, s.output())
		}
	}
}

// Client returns a client with default options, which is closed with the test. changes are made to its options.
func (s *Server) Client(tb testing.TB, changes ...func(*redis.Options)) *redis.Client {
	tb.Helper()
	return Client(tb, s.Addr, changes...)
}

// Client returns a client of addr with default options, which is closed with the test. changes are made to its
// options.
func Client(tb testing.TB, addr string, changes ...func(*redis.Options)) *redis.Client {
	tb.Helper()
	opts := &redis.Options{Addr: addr}
	for _, change := range changes {
		change(opts)
	}
	client := redis.NewClient(opts)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Do executes a command, by a connection of its own.
func (s *Server) Do(args ...any) any {
	s.tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.Addr, Protocol: 2})
	defer client.Close() //nolint:errcheck // nothing is lost
	v, err := client.Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.tb.Fatalf("redistest: %v: %v", args, err)
	}
	return v
}

// Scripts returns how many scripts it has executed, by their hashes.
func (s *Server) Scripts() int {
	s.tb.Helper()
	stats, _ := s.Do("info", "commandstats").(string)
	_, after, _ := strings.Cut(stats, "cmdstat_evalsha:calls=")
	digits, _, _ := strings.Cut(after, ",")
	n, _ := strconv.Atoi(digits) // none yet
	return n
}

// Stop ends the server as an operator would. What it held is lost.
func (s *Server) Stop() {
	s.tb.Helper()
	s.signal(syscall.SIGTERM)
	s.wait()
}

// Kill ends the server as a crash would.
func (s *Server) Kill() {
	s.signal(syscall.SIGKILL)
	s.wait()
}

// Restart ends the server if it runs, and starts it, empty, at the same address.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	if err := s.start(); err != nil {
		s.tb.Fatalf("redistest: %v", err)
	}
}

// Pause makes the server stand still: connections are accepted and not served.
func (s *Server) Pause() { s.signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		s.process.Signal(sig)
	}
}

func (s *Server) wait() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	select {
	case <-s.process.Ended():
	case <-time.After(patience):
		s.tb.Errorf("redistest: the server at %s does not end", s.Addr)
	}
	s.process = nil
}

// output is what the server that runs has written.
func (s *Server) output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return ""
	}
	return s.process.Output()
}
