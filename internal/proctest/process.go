// Package proctest runs servers for tests as processes of their own. The packages that know a server build on it.
package proctest

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Patience is how long a server may take to come up or to end on a busy machine.
const Patience = time.Minute

// Process is a running server, or one that has ended. Its methods may be called concurrently.
type Process struct {
	cmd   *exec.Cmd
	out   output
	ended chan struct{}
}

// Start starts a command whose output is kept. On Linux it is killed when the test process ends, however that ends:
// a test that runs out of time skips its clean-up.
func Start(cmd *exec.Cmd) (*Process, error) {
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.out, &p.out
	dieWithParent(cmd)
	started := make(chan error)
	go func() {
		// The parent whose death the kernel looks for is the thread that forked, so that thread must live as long
		// as the process. It is not unlocked: it ends with this goroutine.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how a killed process ends is no news
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// Signal sends a signal, unless the process has ended.
func (p *Process) Signal(sig syscall.Signal) { _ = p.cmd.Process.Signal(sig) }

// End sends a signal that ends the process and waits until it has ended, and all that it had forked and that could
// still write to its output.
func (p *Process) End(sig syscall.Signal) error {
	p.Signal(sig)
	select {
	case <-p.ended:
		return nil
	case <-time.After(Patience):
		return fmt.Errorf("process %d does not end by %v:\n%s", p.cmd.Process.Pid, sig, p.Output())
	}
}

// Kill ends the process and those that it has forked, all at once as a crash of the machine would, and waits until they
// have ended.
func (p *Process) Kill() error {
	select {
	case <-p.ended:
		return nil // and its number may be somebody else's
	default:
	}
	p.Signal(syscall.SIGSTOP) // it forks no more
	forked := children(p.cmd.Process.Pid)
	p.Signal(syscall.SIGKILL)
	for _, pid := range forked {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
	}
	return p.End(syscall.SIGKILL)
}

// Ended is closed when the process has ended, and all that it had forked and that could still write to its output.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// ErrEnded says that a process ended before it was ready.
var ErrEnded = errors.New("it ended")

// Await waits until the process is ready, which is when ready returns nil. It returns [ErrEnded], wrapped, if the
// process ends before.
func (p *Process) Await(ready func() error) error {
	deadline := time.After(Patience)
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%w:\n%s", ErrEnded, p.Output())
		case <-deadline:
			return fmt.Errorf("not ready after %v: %w:\n%s", Patience, err, p.Output())
		case <-time.After(pause):
		}
	}
}

// Output returns the end of what the process has written.
func (p *Process) Output() string {
	const limit = 16 << 10
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	written := p.out.buf.Bytes()
	return strings.TrimSpace(string(written[max(0, len(written)-limit):]))
}

// Wrote returns how often the process has written text.
func (p *Process) Wrote(text string) int {
	p.out.mu.Lock()
	defer p.out.mu.Unlock()
	return bytes.Count(p.out.buf.Bytes(), []byte(text))
}

type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}
