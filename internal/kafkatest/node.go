package kafkatest

import (
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/cachet-go/cachet/internal/proctest"
)

// node is a broker's process and its files.
type node struct {
	addr    string
	home    string
	dir     string
	process *proctest.Process
}

// properties is the configuration of a broker that is small, and quick rather than durable: it need not survive the
// machine. A broker that was killed cannot register again before its session is over, so that is short. The
// place-holders are its port, the controller's, and its directory.
const properties = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:%[2]s
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:%[1]s,CONTROLLER://127.0.0.1:%[2]s
advertised.listeners=PLAINTEXT://127.0.0.1:%[1]s
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=%[3]s/data
num.network.threads=2
num.io.threads=4
num.partitions=3
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=2000
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=8388608
`

//go:embed log4j2.properties
var logging []byte

// cluster identifies the cluster to itself. Any sixteen bytes will do.
const cluster = "Y2FjaGV0LXRlc3RzLi4uLg"

// newNode makes the files of a node, anew if there are any.
func newNode(home, dir string, props []string) (*node, error) {
	port, err := proctest.FreePort()
	if err != nil {
		return nil, err
	}
	control, err := proctest.FreePort()
	if err != nil {
		return nil, err
	}
	n := &node{addr: net.JoinHostPort("127.0.0.1", port), home: home, dir: dir}
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		return nil, err
	}
	// Of two lines for one property, Java takes the last.
	config := fmt.Sprintf(properties, port, control, dir) + strings.Join(props, "\n") + "\n"
	if err := os.WriteFile(n.config(), []byte(config), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "log4j2.properties"), logging, 0o600); err != nil {
		return nil, err
	}
	if out, err := n.java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", n.config()).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("format: %w:\n%s", err, out)
	}
	return n, nil
}

func (n *node) config() string { return filepath.Join(n.dir, "server.properties") }

func (n *node) java(class string, args ...string) *exec.Cmd {
	return java(n.dir, []string{filepath.Join(n.home, "libs", "*")}, class, args...)
}

// java returns the command that runs a class in a small virtual machine, whose logging is configured in dir.
func java(dir string, path []string, class string, args ...string) *exec.Cmd {
	args = append([]string{
		"-Xms192m", "-Xmx384m", "-XX:MaxDirectMemorySize=128m", "-XX:+UseSerialGC",
		"-XX:TieredStopAtLevel=1", // it does not live long enough for the better compiler to pay
		"-Djava.awt.headless=true", "-Dlog4j2.configurationFile=file:" + filepath.Join(dir, "log4j2.properties"),
		"-Dkafka.logs.dir=" + filepath.Join(dir, "logs"),
		"-cp", strings.Join(path, string(filepath.ListSeparator)), class,
	}, args...)
	cmd := exec.Command("java", args...) //nolint:gosec,noctx // it is ours, and ended by a signal
	cmd.Dir = dir
	return cmd
}

func (n *node) start() error {
	process, err := proctest.Start(n.java("kafka.Kafka", n.config()))
	if err != nil {
		return err
	}
	n.process = process
	return process.Await(func() error { return serves(n.addr) })
}

func (n *node) end(sig syscall.Signal) error {
	if n.process == nil {
		return nil
	}
	return n.process.End(sig)
}
