package soak_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/torture/mutant"
)

// root is the module's directory as seen from this package.
const root = "../../.."

// TestSoakFindsEachBrokenRule is the test of the test: with any rule of the protocol broken, the soak must find
// a stale read.
func TestSoakFindsEachBrokenRule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the soak once per rule")
	}
	for name, edits := range mutant.All {
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command("go", "test", "-count=1", "-overlay", mutant.Overlay(t, root, edits), "-run", "^TestSoakNoReadIsStale$",
				".", "-soak.first", "-soak.keys=40", "-soak.rest=300ms", "-soak.time=2m", "-soak.reads=10000000").CombinedOutput()
			require.Error(t, err, "the soak passed:\n%s", out)
			require.Contains(t, string(out), "was acknowledged", "the soak failed for another reason")
			t.Logf("%s", firstLine(string(out), "reads in"))
		})
	}
}

// TestChaosFindsEachBrokenRuleOfAReader is the same for the run in a bubble, whose store is whole.
func TestChaosFindsEachBrokenRuleOfAReader(t *testing.T) {
	if testing.Short() {
		t.Skip("builds once per rule")
	}
	for name, edits := range mutant.All {
		if !strings.HasPrefix(edits[0].File, "aside/") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command("go", "test", "-count=1", "-overlay", mutant.Overlay(t, root, edits), "-v", "-run", "^TestNoReadIsStaleInChaos$",
				".", "-soak.first", "-soak.reads=10000000").CombinedOutput()
			require.Error(t, err, "the run passed:\n%s", out)
			require.Contains(t, string(out), "was acknowledged", "the run failed for another reason")
			t.Logf("%s", firstLine(string(out), "reads in"))
		})
	}
}

func firstLine(text, with string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			return strings.TrimSpace(line)
		}
	}
	return text
}
