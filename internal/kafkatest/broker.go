// Package kafkatest runs Apache Kafka for tests: one broker of its own on free ports of the loopback interface, and
// Kafka Connect with Debezium. scripts/install-tools.sh installs what they are made of. Where that is missing a test
// is skipped, or fails if the environment says CI.
package kafkatest

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cachet-go/cachet/internal/proctest"
)

// Broker is a broker that is also the controller of its cluster of one. Topics must be created: it makes none for
// whoever names one that does not exist. Methods fail the test if they do not succeed, and must not be called
// concurrently.
type Broker struct {
	Addr string

	tb   testing.TB
	node *node
}

// Start starts a broker without topics, which takes about three seconds, and waits until it serves. It is killed with
// the test. props are lines of server.properties that replace or join those of [Broker.Properties].
func Start(tb testing.TB, props ...string) *Broker {
	tb.Helper()
	home, err := installed("kafka", kafkaPOM)
	if err != nil {
		proctest.Missing(tb, err)
	}
	dir := tb.TempDir()
	n, err := startNode(home, dir, props)
	if err != nil {
		tb.Fatalf("kafkatest: %v", err)
	}
	b := &Broker{Addr: n.addr, tb: tb, node: n}
	tb.Cleanup(b.Kill)
	return b
}

// startNode starts a node on ports that are free.
func startNode(home, dir string, props []string) (*node, error) {
	for try := 1; ; try++ {
		n, err := newNode(home, dir, props)
		if err != nil {
			return nil, err
		}
		err = n.start()
		if err == nil {
			return n, nil
		}
		n.end(syscall.SIGKILL) //nolint:errcheck // err says more
		if try == 3 || !errors.Is(err, proctest.ErrEnded) {
			return nil, err
		}
		// Somebody else took a port before the broker did.
	}
}

// Kill ends the broker as a crash would. What it had acknowledged stays.
func (b *Broker) Kill() {
	b.tb.Helper()
	b.end(syscall.SIGKILL)
}

// Stop ends the broker as an operator would.
func (b *Broker) Stop() {
	b.tb.Helper()
	b.end(syscall.SIGTERM)
}

func (b *Broker) end(sig syscall.Signal) {
	b.tb.Helper()
	if err := b.node.end(sig); err != nil {
		b.tb.Errorf("kafkatest: %v", err)
	}
}

// Restart kills the broker if it runs, and starts it at the same address with what it had stored.
func (b *Broker) Restart() {
	b.tb.Helper()
	b.Kill()
	if err := b.node.start(); err != nil {
		b.tb.Fatalf("kafkatest: %v", err)
	}
}

// Freeze makes the broker stand still: connections are accepted and not served.
func (b *Broker) Freeze() { b.node.process.Signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (b *Broker) Thaw() { b.node.process.Signal(syscall.SIGCONT) }

// Output returns the end of what the broker has written: warnings, and worse.
func (b *Broker) Output() string { return b.node.process.Output() }
