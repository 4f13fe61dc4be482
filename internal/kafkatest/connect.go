package kafkatest

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/cachet-go/cachet/internal/proctest"
)

// Worker is a standalone worker of Kafka Connect. Methods fail the test if they do not succeed, and must not be called
// concurrently.
type Worker struct {
	// URL is that of the REST interface.
	URL string

	tb         testing.TB
	home, dir  string
	connectors []map[string]string
	process    *proctest.Process
}

// worker is the configuration of a worker. Its place-holders are the broker's address, its own port, its directory,
// and that of the plug-ins.
const worker = `bootstrap.servers=%[1]s
listeners=http://127.0.0.1:%[2]s
offset.storage.file.filename=%[3]s/offsets
offset.flush.interval.ms=500
plugin.path=%[4]s
plugin.discovery=service_load
key.converter=org.apache.kafka.connect.json.JsonConverter
value.converter=org.apache.kafka.connect.json.JsonConverter
key.converter.schemas.enable=false
value.converter.schemas.enable=false
`

// Connect starts a worker that keeps to a broker and runs connectors, which takes about five seconds, and waits until
// their tasks run and miss nothing. It is killed with the test. Each connector has a name and a connector.class at
// least; where the broker is, and that it is the only one, it need not say.
func Connect(tb testing.TB, b *Broker, connectors ...map[string]string) *Worker {
	tb.Helper()
	plugins, err := installed("debezium", debezium)
	if err != nil {
		proctest.Missing(tb, err)
	}
	w := &Worker{tb: tb, home: b.node.home, dir: tb.TempDir()}
	for _, c := range connectors {
		config := map[string]string{
			"tasks.max": "1",
			"topic.creation.default.replication.factor":       "1",
			"topic.creation.default.partitions":               "3",
			"schema.history.internal.kafka.bootstrap.servers": b.Addr,
			"schema.history.internal.kafka.topic":             "schema-history-" + c["name"],
		}
		maps.Copy(config, c)
		w.connectors = append(w.connectors, config)
	}
	if err := w.configure(b.Addr, filepath.Join(plugins, "plugins")); err != nil {
		tb.Fatalf("kafkatest: %v", err)
	}
	tb.Cleanup(w.Kill)
	w.Restart()
	return w
}

func (w *Worker) configure(broker, plugins string) error {
	port, err := proctest.FreePort()
	if err != nil {
		return err
	}
	w.URL = "http://" + net.JoinHostPort("127.0.0.1", port)
	files := map[string]string{
		"worker.properties": fmt.Sprintf(worker, broker, port, w.dir, plugins),
		"log4j2.properties": string(logging),
	}
	for i, c := range w.connectors {
		var lines strings.Builder
		for _, name := range slices.Sorted(maps.Keys(c)) {
			fmt.Fprintf(&lines, "%s=%s\n", name, strings.ReplaceAll(c[name], `\`, `\\`))
		}
		files[connectorFile(i)] = lines.String()
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func connectorFile(i int) string { return fmt.Sprintf("connector-%d.properties", i) }

// Restart kills the worker if it runs, and starts it. Its connectors go on where they had last said they were, some
// of which may be said again.
func (w *Worker) Restart() {
	w.tb.Helper()
	w.Kill()
	files := []string{"worker.properties"} //nolint:prealloc // a few
	for i := range w.connectors {
		files = append(files, connectorFile(i))
	}
	var err error
	w.process, err = proctest.Start(java(w.home, w.dir, "org.apache.kafka.connect.cli.ConnectStandalone", files...))
	if err == nil {
		err = w.process.Await(w.running)
	}
	if err != nil {
		w.tb.Fatalf("kafkatest: %v", err)
	}
}

// Kill ends the worker as a crash would.
func (w *Worker) Kill() {
	w.tb.Helper()
	w.end(syscall.SIGKILL)
}

// Stop ends the worker as an operator would. Its connectors have then said where they are.
func (w *Worker) Stop() {
	w.tb.Helper()
	w.end(syscall.SIGTERM)
}

func (w *Worker) end(sig syscall.Signal) {
	w.tb.Helper()
	if w.process == nil {
		return
	}
	if err := w.process.End(sig); err != nil {
		w.tb.Errorf("kafkatest: %v", err)
	}
}

// Output returns the end of what the worker has written: warnings, and worse.
func (w *Worker) Output() string { return w.process.Output() }
