package main

import (
	"errors"
	"fmt"
	"os"
	"testing"
)

// host lets a program start the servers of tests. It has of testing.TB what they use; a method that is not here panics.
type host struct {
	testing.TB
	cleanups []func()
	failed   error
}

// fatal is what host panics with.
type fatal struct{ err error }

// try calls f, and returns as an error what a test would have ended with.
func (h *host) try(f func() (report, error)) (rep report, err error) {
	defer func() {
		if p := recover(); p != nil {
			end, ok := p.(fatal)
			if !ok {
				panic(p)
			}
			err = end.err
		}
	}()
	return f()
}

// close ends the servers.
func (h *host) close() error {
	for len(h.cleanups) > 0 {
		last := len(h.cleanups) - 1
		f := h.cleanups[last]
		h.cleanups = h.cleanups[:last]
		f()
	}
	return h.failed
}

func (h *host) Helper() {}

func (h *host) Cleanup(f func()) { h.cleanups = append(h.cleanups, f) }

func (h *host) Errorf(format string, args ...any) {
	h.failed = errors.Join(h.failed, fmt.Errorf(format, args...))
}

func (h *host) Fatal(args ...any) { panic(fatal{errors.New(fmt.Sprint(args...))}) }

func (h *host) Fatalf(format string, args ...any) { panic(fatal{fmt.Errorf(format, args...)}) }

// Skipf is called where a server is not installed.
func (h *host) Skipf(format string, args ...any) {
	h.Fatal(fmt.Sprintf(format, args...) + "; with -db sqlite, nothing but redis-server is needed")
}

func (h *host) TempDir() string {
	dir, err := os.MkdirTemp("", "cachet-strategies-")
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			h.Errorf("%w", err)
		}
	})
	return dir
}
