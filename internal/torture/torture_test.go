package main_test

import (
	"flag"
	"maps"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/torture/mutant"
)

var mutants = flag.Bool("torture.mutants", false, "have the program find broken rules, for up to a minute each")

// root is the module's directory as seen from this package.
const root = "../.."

// build builds the program.
func build(t *testing.T, args ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "torture")
	out, err := exec.Command("go", append(append([]string{"build", "-o", program}, args...), ".")...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return program
}

func TestNoPromiseIsBrokenWhileThingsGoWrong(t *testing.T) {
	out, err := exec.Command(build(t), "-for", "12s", "-nemesis", "kill,late,flush,storm", "-seed", "1").CombinedOutput()
	t.Logf("%s", out)
	require.NoError(t, err)
	require.Contains(t, string(out), "verdict: PASS")
	require.NotContains(t, string(out), " 0 reads checked")
}

// The test of the test: each broken rule is found within a minute.
func TestTheProgramFindsEachBrokenRule(t *testing.T) {
	if !*mutants {
		t.Skip("takes minutes: -torture.mutants")
	}
	all := maps.Clone(mutant.All)
	maps.Copy(all, mutant.OfFences)
	for name, edits := range all {
		t.Run(name, func(t *testing.T) {
			program := build(t, "-overlay", mutant.Overlay(t, root, edits))
			began := time.Now()
			out, err := exec.Command(program, "-for", "1m", "-nemesis", "calm,late").CombinedOutput()
			require.Error(t, err, "the run passed:\n%s", out)
			require.Contains(t, string(out), "verdict: FAIL")
			require.Contains(t, string(out), "   <--", "it does not show the history")
			t.Logf("after %v", time.Since(began).Round(100*time.Millisecond))
			for line := range strings.Lines(string(out)) {
				if strings.Contains(line, " stale, ") || strings.Contains(line, " returned version ") {
					t.Log(strings.TrimSpace(line))
				}
			}
		})
	}
}
