package main_test

import (
	"context"
	"flag"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/mutants"
)

var broken = flag.Bool("torture.mutants", false, "have the program find broken rules, for up to a minute each")

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

// torture runs the program, which ends what it has started if the test ends before it.
func torture(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestNoPromiseIsBrokenWhileThingsGoWrong(t *testing.T) {
	out, err := torture(t, build(t), "-for", "9s", "-nemesis", "kill,late,storm", "-seed", "1")
	t.Log(out)
	require.NoError(t, err)
	require.Contains(t, out, "verdict: PASS")
	require.Regexp(t, `[1-9]\d{3,} reads checked`, out)
	require.Regexp(t, `[1-9]\d* windows proved`, out)
}

func TestTheProgramNamesWhatItDoesNotKnow(t *testing.T) {
	out, err := torture(t, build(t), "-nemesis", "calm,earthquake")
	require.Error(t, err)
	require.Contains(t, out, `there is no nemesis "earthquake"`)
}

// The test of the test: each broken rule is found within a minute.
func TestTheProgramFindsEachBrokenRule(t *testing.T) {
	if !*broken {
		t.Skip("takes minutes: -torture.mutants")
	}
	for _, m := range mutants.All() {
		if !m.Stale && !m.Inverts {
			continue
		}
		t.Run(m.Rule, func(t *testing.T) {
			overlay, err := m.Overlay(root, t.TempDir())
			require.NoError(t, err)
			program := build(t, "-overlay", overlay)
			began := time.Now()
			out, err := torture(t, program, "-for", "1m", "-nemesis", "calm,late")
			require.Error(t, err, "the run passed:\n%s", out)
			require.Contains(t, out, "verdict: FAIL")
			require.Contains(t, out, "   <--", "it does not show the history")
			t.Logf("after %v", time.Since(began).Round(100*time.Millisecond))
			for line := range strings.Lines(out) {
				if strings.Contains(line, " stale, ") || strings.Contains(line, " returned version ") {
					t.Log(strings.TrimSpace(line))
				}
			}
		})
	}
}
