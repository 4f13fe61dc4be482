package kafkatest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// status is what a worker says of a connector.
type status struct {
	Connector state   `json:"connector"`
	Tasks     []state `json:"tasks"`
}

type state struct {
	State string `json:"state"`
	Trace string `json:"trace"` // of what has failed
}

// running returns nil if each connector and each of its tasks runs. A task of Debezium's says so before it knows where
// in the database's log to begin, and would miss what is committed in between: it must say in its own log that it
// begins.
func (w *Worker) running() error {
	captures := 0
	for _, c := range w.connectors {
		if err := w.runs(c["name"]); err != nil {
			return fmt.Errorf("connector %s: %w", c["name"], err)
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

func (w *Worker) runs(connector string) error {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(w.URL + "/connectors/" + connector + "/status") //nolint:noctx // it has a time-out
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	var s status
	if err := json.NewDecoder(resp.Body).Decode(&s); err != nil {
		return err
	}
	if len(s.Tasks) == 0 {
		return fmt.Errorf("no tasks")
	}
	for _, part := range append(s.Tasks, s.Connector) {
		if part.State != "RUNNING" {
			return fmt.Errorf("%s\n%s", part.State, part.Trace)
		}
	}
	return nil
}
