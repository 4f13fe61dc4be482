// Package result is what a run of bench/peers leaves behind: the figures, and what they say about the bounds that
// cachet sets itself. It is plain data, so that bench/report needs no peer to draw it.
package result

import (
	"encoding/json"
	"os"
	"time"
)

// Ours is the name of cachet among the libraries.
const Ours = "cachet"

// The scenarios.
const (
	Consistency = "consistency"
	Stampede    = "stampede"
	Faults      = "faults"
	Outage      = "outage"
	Penetration = "penetration"
	TTL         = "ttl"
	Speed       = "speed"
	Locks       = "locks"
	Growth      = "growth"
)

// The cases of Outage.
const (
	Killed = "killed"
	Frozen = "frozen"
)

// Run is all that one run measured.
type Run struct {
	Started  time.Time
	Seconds  float64
	Quick    bool // shorter measurements, whose figures say little
	Go       string
	Redis    string
	CPUs     int
	Load     string // the load average at the start and at the end: above CPUs the machine was busy with other things
	Commit   string
	Versions map[string]string // of each library

	Measurements []Measurement
}

// Measurement is one case of a scenario for one library, taken in a process of its own.
type Measurement struct {
	Scenario, Case, Library string

	Copies    bool // it answers from copies in the process
	InProcess bool // and from nothing else: no Redis takes part
	Values    map[string]float64
	Series    []Point `json:",omitempty"`
	Seconds   float64
	Failed    string `json:",omitempty"` // why there are no values
}

// Point is what happened in one slice of time.
type Point struct {
	At     float64 // seconds since the start
	Reads  int     // that were answered
	Failed int
	Loads  int     // that were begun
	P99    float64 // milliseconds that reads took
}

// Find returns the measurement of a library.
func (r *Run) Find(scenario, of, library string) (Measurement, bool) {
	for _, m := range r.Measurements {
		if m.Scenario == scenario && m.Case == of && m.Library == library {
			return m, true
		}
	}
	return Measurement{}, false
}

// Mark returns what the name of a library is to be followed by: Copies tells.
func (r *Run) Mark(library string) string {
	for _, m := range r.Measurements {
		switch {
		case m.Library != library:
		case m.InProcess:
			return " ²"
		case m.Copies:
			return " ¹"
		}
	}
	return ""
}

// Copies says what the marks mean.
const Copies = "¹ answers from copies in the process, besides those in Redis. ² Copies in the process only, no Redis."

// Value returns one figure of a library, if it was measured.
func (r *Run) Value(scenario, of, library, name string) (float64, bool) {
	m, ok := r.Find(scenario, of, library)
	if !ok || m.Failed != "" {
		return 0, false
	}
	v, ok := m.Values[name]
	return v, ok
}

// Read reads a run that was saved.
func Read(file string) (*Run, error) {
	b, err := os.ReadFile(file) //nolint:gosec // named by whoever runs the program
	if err != nil {
		return nil, err
	}
	run := new(Run)
	return run, json.Unmarshal(b, run) //nolint:musttag // the file has the names of the fields
}

// Save writes a run to a file.
func (r *Run) Save(file string) error {
	b, err := json.Marshal(r) //nolint:musttag // the file has the names of the fields
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(b, '\n'), 0o644) //nolint:gosec // no secret
}
