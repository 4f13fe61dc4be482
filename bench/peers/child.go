package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/cachet-go/cachet/bench/peers/scenario"
	"github.com/cachet-go/cachet/bench/result"
)

// job is one measurement.
type job struct{ scenario, of, library string }

func (j job) String() string { return j.scenario + "/" + j.of + "/" + j.library }

// patience is how long a measurement may take.
const patience = 100 * time.Second

// start has a child measure j. The child and its redis-server are a process group, which is killed when it takes too
// long.
func (j job) start(ctx context.Context, opts scenario.Options) result.Measurement {
	m := result.Measurement{Scenario: j.scenario, Case: j.of, Library: j.library}
	began := time.Now()
	out, err := j.child(ctx, opts)
	m.Seconds = time.Since(began).Seconds()
	if err == nil {
		err = json.Unmarshal(out, &m)
	}
	if err != nil {
		m.Failed = err.Error()
	}
	return m
}

func (j job) child(ctx context.Context, opts scenario.Options) ([]byte, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	reader, writer, err := os.Pipe() // the libraries may print what they like
	if err != nil {
		return nil, err
	}
	defer reader.Close() //nolint:errcheck // it was read
	limit := patience
	if opts.Large && j.scenario == "growth" {
		limit *= 10
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "-child", j.String(), //nolint:gosec // this program
		fmt.Sprint("-quick=", opts.Quick), fmt.Sprint("-large=", opts.Large))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &said, &said, []*os.File{writer}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		_ = writer.Close()
		return nil, err
	}
	_ = writer.Close()
	var out bytes.Buffer
	_, _ = out.ReadFrom(reader)
	err = cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it may have left behind
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("it did not end within %v", limit)
	case err != nil || out.Len() == 0:
		return nil, errors.New("the process died: " + cause(said.String()))
	}
	return out.Bytes(), nil
}

// cause finds why a process died in what it has written.
func cause(said string) string {
	for line := range strings.Lines(said) {
		for _, mark := range []string{"panic: ", "fatal error: "} {
			if strings.HasPrefix(line, mark) {
				return strings.TrimSpace(line)
			}
		}
	}
	lines := strings.Split(strings.TrimSpace(said), "\n")
	return lines[len(lines)-1]
}

// measure is the child. It writes the measurement to the file that it was given.
func measure(name string, opts scenario.Options) int {
	logging.Disable()
	part := strings.SplitN(name, "/", 3)
	if len(part) < 3 {
		fmt.Fprintln(os.Stderr, "no such measurement:", name)
		return 2
	}
	m, err := scenario.Measure(part[0], part[1], part[2], opts)
	if err != nil {
		m.Failed = err.Error()
	}
	if err := json.NewEncoder(os.NewFile(3, "result")).Encode(m); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return 0
}
