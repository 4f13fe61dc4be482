package mutants_test

import (
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/mutants"
)

// root is the module's directory as seen from this package.
const root = "../.."

var (
	all  = flag.Bool("mutants", false, "run the test of each mutant, with the mutant")
	only = flag.String("mutants.only", "", "of those whose rule matches this pattern")
)

// A list that does not fit the code any more proves nothing.
func TestEachEditAppliesOnceAndEachTestIsThere(t *testing.T) {
	seen := make(map[string]bool)
	for _, m := range mutants.All() {
		_, err := m.Overlay(root, t.TempDir())
		assert.NoError(t, err, m.Rule)
		require.False(t, seen[m.Rule], "%q is there twice", m.Rule)
		seen[m.Rule] = true

		name := regexp.MustCompile(`^\^(Test\w+)\$`).FindStringSubmatch(m.Test)
		require.Len(t, name, 2, "%s: %q names no test", m.Rule, m.Test)
		out, err := exec.Command("grep", "-rlE", `^func `+name[1]+`\(`, filepath.Join(root, m.Package), "--include=*_test.go").Output()
		assert.NoError(t, err, "%s: no %s in %s", m.Rule, name[1], m.Package)
		assert.Contains(t, string(out), "_test.go")
	}
}

// TestNoMutantSurvives breaks each rule, one after the other, and runs the test that must notice; before that, the test
// as it is, which must pass.
func TestNoMutantSurvives(t *testing.T) {
	if !*all {
		t.Skip("takes minutes; -mutants runs it")
	}
	r := run{t: t, bins: make(map[string]string), whole: make(map[string]string)}
	pattern := regexp.MustCompile(*only)
	began, killed, n := time.Now(), 0, 0
	for _, m := range mutants.All() {
		if !pattern.MatchString(m.Rule) {
			continue
		}
		n++
		start := time.Now()
		verdict, out := r.judge(m)
		fmt.Printf("%-16s %5.1fs  %-62s %s %s\n", verdict, time.Since(start).Seconds(), m.Rule, m.Package, m.Test)
		if verdict == dead {
			killed++
		} else {
			t.Errorf("%s: %s\n%s", m.Rule, verdict, out)
		}
	}
	fmt.Printf("%d of %d killed in %v\n", killed, n, time.Since(began).Round(time.Second))
}

// dead is the verdict on a mutant that its test has noticed.
const dead = "killed"

type run struct {
	t     *testing.T
	bins  map[string]string // by package: its tests as they are
	whole map[string]string // by package and test: what is wrong with it as it is
}

// judge returns the verdict on a mutant, and what led to it.
func (r *run) judge(m mutants.Mutant) (verdict, out string) {
	key := m.Package + " " + m.Test
	wrong, known := r.whole[key]
	if !known {
		wrong = r.asItIs(m)
		r.whole[key] = wrong
	}
	if wrong != "" {
		return "FAILS AS IT IS", wrong
	}
	spare, err := m.Spare(root)
	require.NoError(r.t, err)
	overlay, err := m.Overlay(root, r.t.TempDir(), spare...)
	if err != nil {
		return "DOES NOT APPLY", err.Error()
	}
	cmd := exec.Command("go", "test", "-count=1", "-vet=off", "-gcflags=-N -l", "-ldflags=-s -w", "-failfast", "-timeout=90s",
		"-overlay", overlay, "-run", m.Test, "-skip", skip(m.Package), m.Package)
	cmd.Dir = root
	b, err := cmd.CombinedOutput()
	switch out = string(b); {
	case err == nil:
		return "SURVIVED", out
	case strings.Contains(out, "[build failed]") || strings.Contains(out, "[setup failed]"):
		return "DOES NOT COMPILE", out
	}
	return dead, out
}

// asItIs runs the test of a mutant without it. It returns what was said if that does not pass.
func (r *run) asItIs(m mutants.Mutant) string {
	bin := r.bins[m.Package]
	if bin == "" {
		bin = filepath.Join(r.t.TempDir(), strings.ReplaceAll(m.Package, "/", "_")+".test")
		build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", bin, m.Package)
		build.Dir = root
		out, err := build.CombinedOutput()
		require.NoError(r.t, err, "%s", out)
		r.bins[m.Package] = bin
	}
	cmd := exec.Command(bin, "-test.run", m.Test, "-test.skip", skip(m.Package), "-test.v", "-test.timeout=90s")
	cmd.Dir = filepath.Join(root, m.Package)
	out, err := cmd.CombinedOutput()
	if err == nil && strings.Contains(string(out), "--- PASS: Test") {
		return ""
	}
	return string(out) + "\nit fails, is skipped, or runs nothing"
}

// skip is a pattern of what is not run. The tests of the root go over each store: in memory, in a bubble, they are exact and
// take no time, however busy the machine is.
func skip(pkg string) string {
	if pkg == "." {
		return "/^redisstore$|//^redisstore$|///^redisstore$|////^redisstore$"
	}
	return "^$"
}
