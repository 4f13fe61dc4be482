package main_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/bench/result"
)

func TestAReportFillsThePageBetweenItsMarkersAndDrawsCharts(t *testing.T) {
	dir := t.TempDir()
	saved := filepath.Join(dir, "run.json")
	page := filepath.Join(dir, "page.md")
	require.NoError(t, sample().Save(saved))
	require.NoError(t, os.WriteFile(page, []byte("before\n<!-- peers: begin -->\nold\n<!-- peers: end -->\nafter\n"), 0o600))
	out, err := exec.Command("go", "run", ".", "-json", saved, "-page", page, "-images", dir).CombinedOutput()
	require.NoError(t, err, string(out))
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	require.Regexp(t, "(?s)^before\n<!-- peers: begin -->.*Stale reads.*<!-- peers: end -->\nafter\n$", string(text))
	require.NotContains(t, string(text), "\nold\n")
	for _, name := range []string{"stale", "stampede", "throughput", "outage"} {
		wellFormed(t, filepath.Join(dir, name+".svg"))
	}
}

// sample has two libraries, one of which could not be measured.
func sample() *result.Run {
	run := new(result.Run)
	add := func(scenario, of string, values map[string]float64, series ...result.Point) {
		run.Measurements = append(run.Measurements,
			result.Measurement{Scenario: scenario, Case: of, Library: result.Ours, Values: values, Series: series},
			result.Measurement{Scenario: scenario, Case: of, Library: "a < b & c", Failed: "it died"})
	}
	add(result.Consistency, "stalls of 50-500 ms", map[string]float64{"stale_per_million": 0, "wrong_keys": 0})
	add(result.Stampede, "load of 20 ms", map[string]float64{"loads": 1, "p99_ms": 30})
	add(result.Outage, result.Killed, map[string]float64{"away_from_s": 0.1, "away_to_s": 0.2},
		result.Point{At: 0, Reads: 100}, result.Point{At: 0.1, Reads: 50, Failed: 50, Loads: 100})
	for _, of := range []string{"hit, 1 caller", "hit, 8 callers", "hit, 32 callers", "hit, 128 callers"} {
		add(result.Speed, of, map[string]float64{"ratio": 0.5, "reference_per_second": 50_000})
	}
	return run
}

func wellFormed(t *testing.T, file string) {
	t.Helper()
	drawn, err := os.Open(file)
	require.NoError(t, err)
	defer drawn.Close()
	for tokens := xml.NewDecoder(drawn); ; {
		if _, err := tokens.Token(); errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err, file)
	}
}
