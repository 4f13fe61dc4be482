package torture_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/mutants"
)

// TestSoakFindsEachBrokenRule is the test of the test: with any rule of the protocol broken, the soak must find
// a stale read.
func TestSoakFindsEachBrokenRule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the soak once per rule")
	}
	for _, m := range mutants.All() {
		if m.Stale {
			t.Run(m.Rule, func(t *testing.T) {
				finds(t, m, "^TestSoakNoReadIsStale$", "-soak.keys=40", "-soak.rest=300ms", "-soak.time=2m")
			})
		}
	}
}

// TestChaosFindsEachBrokenRuleOfAReader is the same for the run in a bubble, whose store is whole.
func TestChaosFindsEachBrokenRuleOfAReader(t *testing.T) {
	if testing.Short() {
		t.Skip("builds once per rule")
	}
	for _, m := range mutants.All() {
		if m.Stale && strings.HasPrefix(m.Edits[0].File, "aside/") {
			t.Run(m.Rule, func(t *testing.T) { finds(t, m, "^TestNoReadIsStaleInChaos$") })
		}
	}
}

// finds has a test of this package find a stale read of a mutant.
func finds(t *testing.T, m mutants.Mutant, test string, flags ...string) {
	t.Helper()
	overlay, err := m.Overlay("../..", t.TempDir())
	require.NoError(t, err)
	args := []string{"test", "-count=1", "-overlay", overlay, "-v", "-run", test, ".", "-soak.first", "-soak.reads=10000000"}
	out, err := exec.Command("go", append(args, flags...)...).CombinedOutput()
	require.Error(t, err, "the run passed:\n%s", out)
	require.Contains(t, string(out), "was acknowledged", "the run failed for another reason")
	t.Logf("%s", firstLine(string(out), "reads in"))
}

func firstLine(text, with string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			return strings.TrimSpace(line)
		}
	}
	return text
}
