package kafkatest

import (
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/cachet-go/cachet/internal/proctest"
)

// shared is the broker of a test binary.
var shared struct {
	mu sync.Mutex
	// Guarded by mu.
	dir  string
	node *node
	err  error
}

// Shared returns the broker that the tests of a package share. The first call starts it, and [Main] ends it. A test
// must leave it running and names topics and groups that no other names.
func Shared(tb testing.TB) *Broker {
	tb.Helper()
	home, err := installed("kafka", kafkaPOM)
	if err != nil {
		proctest.Missing(tb, err)
	}
	s := &shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.node == nil && s.err == nil {
		s.dir, s.err = os.MkdirTemp("", "kafkatest")
		if s.err == nil {
			s.node, s.err = startNode(home, s.dir, nil)
		}
	}
	if s.err != nil {
		tb.Fatalf("kafkatest: %v", s.err)
	}
	return &Broker{Addr: s.node.addr, tb: tb, node: s.node}
}

// Main runs the tests of a package that uses [Shared]. Its TestMain calls it and nothing else.
func Main(m *testing.M) {
	defer func() {
		s := &shared
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.node != nil {
			_ = s.node.end(syscall.SIGKILL) // the process dies with this one at the latest
		}
		if s.dir != "" {
			_ = os.RemoveAll(s.dir)
		}
	}()
	m.Run()
}
