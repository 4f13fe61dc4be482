package kafkatest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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

// Connect starts a worker that keeps to a broker and runs connectors, and waits until their tasks run and miss
// nothing. It is killed with the test. Each connector has a name and a connector.class at least; what this broker is like, it need not say.
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
	args := []string{"worker.properties"}
	for i := range w.connectors {
		args = append(args, connectorFile(i))
	}
	cmd := java(w.dir, []string{filepath.Join(w.home, "libs", "*")}, "org.apache.kafka.connect.cli.ConnectStandalone", args...)
	var err error
	if w.process, err = proctest.Start(cmd); err == nil {
		err = w.process.Await(w.running)
	}
	if err != nil {
		w.tb.Fatalf("kafkatest: %v", err)
	}
}

// running returns nil if each connector and each of its tasks runs. A task of Debezium's says so before it knows where
// in the database's log to begin, so what is written then may be missed: it must say in its own log that it begins.
func (w *Worker) running() error {
	client := http.Client{Timeout: 5 * time.Second}
	captures := 0
	for _, c := range w.connectors {
		resp, err := client.Get(w.URL + "/connectors/" + c["name"] + "/status") //nolint:noctx // it has a time-out
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		type state struct {
			State string `json:"state"`
			Trace string `json:"trace"`
		}
		var status struct {
			Connector state   `json:"connector"`
			Tasks     []state `json:"tasks"`
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("connector %s: %s", c["name"], resp.Status)
		}
		if err := json.NewDecoder(resp.Body).Decode(&status); err != nil {
			return err
		}
		if len(status.Tasks) == 0 {
			return fmt.Errorf("connector %s has no tasks", c["name"])
		}
		for _, s := range append(status.Tasks, status.Connector) {
			if s.State != "RUNNING" {
				return fmt.Errorf("connector %s is %s:\n%s", c["name"], s.State, s.Trace)
			}
		}
		if strings.HasPrefix(c["connector.class"], "io.debezium.") {
			captures++
		}
	}
	if begun := w.process.Wrote("Starting streaming"); begun < captures {
		return fmt.Errorf("%d of %d connectors of Debezium's follow a log", begun, captures)
	}
	return nil
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
