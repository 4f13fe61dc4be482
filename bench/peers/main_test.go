package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/bench/result"
)

func build(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "peers")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

func TestARunPrintsTablesAndSavesItsFigures(t *testing.T) {
	saved := filepath.Join(t.TempDir(), "run.json")
	run := exec.Command(build(t), "-quick", "-only", "penetration", "-libs", "cachet,otter", "-json", saved)
	run.Stderr = os.Stderr
	out, err := run.Output()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "| **cachet**")
	require.Contains(t, string(out), "| otter ²")
	figures, err := result.Read(saved)
	require.NoError(t, err)
	loads, ok := figures.Value(result.Penetration, "1,000 absent records", result.Ours, "loads")
	require.True(t, ok)
	require.EqualValues(t, 1000, loads)
}

func TestARunThatCannotMeasureOursFailsAndSaysWhy(t *testing.T) {
	run := exec.Command(build(t), "-quick", "-only", "penetration", "-libs", "cachet", "-json", filepath.Join(t.TempDir(), "j"))
	run.Env = []string{"PATH=/nowhere"}
	out, err := run.Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, string(out), "redis-server")
	require.Contains(t, string(out), "could not be measured")
}
