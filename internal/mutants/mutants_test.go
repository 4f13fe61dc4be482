package mutants_test

import (
	"bytes"
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
	pattern := regexp.MustCompile(*only)
	bins := make(map[string]string)
	whole := make(map[string]bool)
	began, killed, run := time.Now(), 0, 0
	for _, m := range mutants.All() {
		if !pattern.MatchString(m.Rule) {
			continue
		}
		run++
		if bins[m.Package] == "" {
			bins[m.Package] = build(t, m.Package)
		}
		if key := m.Package + " " + m.Test; !whole[key] {
			whole[key] = true
			out, err := execute(bins[m.Package], m.Package, m.Test)
			require.NoError(t, err, "%s fails as it is:\n%s", key, out)
			require.Contains(t, out, "--- PASS: Test", "%s runs nothing, or is skipped:\n%s", key, out)
		}
		spare, err := m.Spare(root)
		require.NoError(t, err)
		overlay, err := m.Overlay(root, t.TempDir(), spare...)
		require.NoError(t, err, m.Rule)
		start := time.Now()
		cmd := exec.Command("go", "test", "-count=1", "-vet=off", "-ldflags=-s -w", "-failfast", "-timeout=90s",
			"-overlay", overlay, "-run", m.Test, "-skip", skip(m.Package), m.Package)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		verdict := "killed"
		switch {
		case err == nil:
			verdict = "SURVIVED"
		case bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("[setup failed]")):
			verdict = "DOES NOT COMPILE"
		default:
			killed++
		}
		fmt.Printf("%-16s %5.1fs  %-62s %s %s\n", verdict, time.Since(start).Seconds(), m.Rule, m.Package, m.Test)
		if verdict != "killed" {
			t.Errorf("%s: %s\n%s", m.Rule, verdict, out)
		}
	}
	fmt.Printf("%d of %d killed in %v\n", killed, run, time.Since(began).Round(time.Second))
}

// skip is a pattern of what is not run. The tests of the root go over each store: in memory, in a bubble, they are exact and
// take no time, however busy the machine is.
func skip(pkg string) string {
	if pkg == "." {
		return "/^redisstore$|//^redisstore$|///^redisstore$|////^redisstore$"
	}
	return "^$"
}

// build compiles the tests of a package as they are.
func build(t *testing.T, pkg string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), strings.ReplaceAll(pkg, "/", "_")+".test")
	cmd := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-o", bin, pkg)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return bin
}

func execute(bin, pkg, test string) (string, error) {
	cmd := exec.Command(bin, "-test.run", test, "-test.skip", skip(pkg), "-test.v", "-test.timeout=90s")
	cmd.Dir = filepath.Join(root, pkg)
	out, err := cmd.CombinedOutput()
	return string(out), err
}
