package main

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// host is what package redistest needs of a test, for a program that is none. What fails ends the program, after what
// was started has been ended.
type host struct {
	testing.TB

	mu       sync.Mutex
	cleanups []func() // guarded by mu
}

func (h *host) Helper() {}

func (h *host) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (h *host) Errorf(format string, args ...any) { h.Logf(format, args...) }

func (h *host) Skipf(format string, args ...any) { h.Fatalf(format, args...) }

func (h *host) Fatalf(format string, args ...any) {
	h.Logf(format, args...)
	h.cleanup()
	os.Exit(exitBroken)
}

func (h *host) Cleanup(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cleanups = append(h.cleanups, f)
}

func (h *host) TempDir() string {
	dir, err := os.MkdirTemp("", "torture")
	if err != nil {
		h.Fatalf("%v", err)
	}
	h.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// cleanup ends what was started, last first.
func (h *host) cleanup() {
	for {
		h.mu.Lock()
		n := len(h.cleanups)
		if n == 0 {
			h.mu.Unlock()
			return
		}
		last := h.cleanups[n-1]
		h.cleanups = h.cleanups[:n-1]
		h.mu.Unlock()
		last()
	}
}
