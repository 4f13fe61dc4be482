package scenario

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/cachet-go/cachet/internal/proctest"
)

// server is a redis-server that keeps nothing on disk and dies with this process.
type server struct {
	addr    string
	process *proctest.Process
}

func startServer() (*server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		return nil, err
	}
	s := &server{addr: ln.Addr().String()}
	if err := ln.Close(); err != nil {
		return nil, err
	}
	err = s.start()
	return s, err
}

func (s *server) start() error {
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		return err
	}
	cmd := exec.Command("redis-server", "--bind", host, "--port", port, //nolint:noctx // kill ends it
		"--dir", os.TempDir(), "--save", "", "--appendonly", "no")
	if s.process, err = proctest.Start(cmd); err != nil {
		return err
	}
	return s.process.Await(s.ping)
}

func (s *server) ping() error {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second) //nolint:noctx // it has a time-out
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // nothing is lost
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	if _, err = conn.Write([]byte("PING\r\n")); err != nil {
		return err
	}
	reply := make([]byte, 5)
	n, err := conn.Read(reply)
	if err == nil && string(reply[:n]) != "+PONG" {
		err = fmt.Errorf("it said %q", reply[:n])
	}
	return err
}

func (s *server) kill() {
	if s.process != nil {
		_ = s.process.Kill()
	}
}

func (s *server) freeze() { s.process.Signal(syscall.SIGSTOP) }

func (s *server) thaw() { s.process.Signal(syscall.SIGCONT) }
