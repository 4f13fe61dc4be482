package main

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cachet-go/cachet/internal/redistest"
)

// member is a process that reads and writes.
type member struct {
	process  uint16
	cmd      *exec.Cmd
	commands io.Closer
	proxy    *redistest.Proxy // nil where there are several servers
	ended    chan struct{}
	killed   atomic.Bool
}

// enlisted numbers processes.
var enlisted uint16 //nolint:gochecknoglobals // of the program

// enlist starts a process.
func (w *world) enlist() *member {
	enlisted++
	cfg := w.cfg
	cfg.Process, cfg.Slow, cfg.Seed = enlisted, enlisted%2 == 0, cfg.Seed+uint64(enlisted)
	m := &member{process: enlisted, ended: make(chan struct{})}
	if w.server != nil {
		m.proxy = redistest.NewProxy(w, w.server.Addr)
		cfg.Redis = []string{m.proxy.Addr}
	}
	self, err := os.Executable()
	if err != nil {
		w.Fatalf("%v", err)
	}
	reports, out, err := os.Pipe()
	if err != nil {
		w.Fatalf("%v", err)
	}
	m.cmd = exec.Command(self) //nolint:noctx // the world ends it
	m.cmd.Env, m.cmd.Stderr, m.cmd.ExtraFiles = append(os.Environ(), cfg.String()), os.Stderr, []*os.File{out}
	if m.commands, err = m.cmd.StdinPipe(); err != nil {
		w.Fatalf("%v", err)
	}
	if err := m.cmd.Start(); err != nil {
		w.Fatalf("%v", err)
	}
	_ = out.Close()
	w.Cleanup(m.kill)
	go func() {
		err := w.history.Collect(cfg.Process, reports)
		_ = reports.Close()
		end := m.cmd.Wait()
		close(m.ended)
		if err = errors.Join(err, end); err != nil && !m.killed.Load() {
			w.Fatalf("process %d: %v", cfg.Process, err)
		}
	}()
	return m
}

// kill ends a process as a crash would.
func (m *member) kill() {
	m.killed.Store(true)
	m.signal(syscall.SIGKILL)
	<-m.ended
}

func (m *member) signal(s syscall.Signal) { _ = m.cmd.Process.Signal(s) } // it may have ended

// victim is one of the processes.
func (w *world) victim(dice *rand.Rand) *member {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.crew[dice.IntN(len(w.crew))]
}

// murder kills a process and puts another in its place.
func (w *world) murder(m *member) {
	m.kill()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.crew[slices.Index(w.crew, m)] = w.enlist()
}

// dismiss has the processes end as they should.
func (w *world) dismiss() {
	for _, m := range w.crew {
		_ = m.commands.Close()
	}
	patience := time.After(time.Minute)
	for _, m := range w.crew {
		select {
		case <-m.ended:
		case <-patience:
			w.Fatalf("process %d does not end", m.cmd.Process.Pid)
		}
	}
}
