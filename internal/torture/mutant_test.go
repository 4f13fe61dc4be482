package torture_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the module's directory as seen from this package.
const root = "../.."

// edit replaces one piece of a file, which must occur in it exactly once.
type edit struct{ file, old, new string }

// mutants are the rules of the protocol, each broken in the way that others break it.
var mutants = map[string][]edit{
	"the store does not check the stamp": {
		{"store/redisstore/fill.lua", "if r.stamp ~= stamp then", "if false then"},
	},
	"a refused fill is shared anyway": {
		{"aside/settle.go", "upTo = marks[i]", "_ = marks[i]"},
	},
	"a flight can be joined until the reply to its fill": {
		{"aside/settle.go", "closed[i] = j.flight.Close()", "closed[i] = 1 << 40"},
	},
	"what is found when asking for the lease is shared": {
		{"aside/lead.go", "Source: Found,\n\t}}, j.asked)", "Source: Found,\n\t}}, 1<<40)"},
	},
	"a stamp names the client and not the lease": {
		{"store/redisstore/lease.go", "AppendUint64(nil, drawNonce())", "AppendUint64(nil, s.id())"},
		{
			"store/redisstore/lease.go", "// grant reads",
			"func (s *Store) id() uint64 { return uint64(uintptr(unsafe.Pointer(s))) }\n\n// grant reads",
		},
		{"store/redisstore/lease.go", `"time"`, "\"time\"\n\t\"unsafe\""},
		{
			"store/redisstore/fill.lua", "if r.stamp ~= stamp then",
			"if not r.stamp or string.sub(r.stamp, 1, 8) ~= string.sub(stamp, 1, 8) then",
		},
	},
}

// TestSoakFindsEachBrokenRule is the test of the test: with any rule of the protocol broken, the soak must find
// a stale read.
func TestSoakFindsEachBrokenRule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and runs the soak once per rule")
	}
	for name, edits := range mutants {
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command("go", "test", "-count=1", "-overlay", overlay(t, edits), "-run", "^TestSoakNoReadIsStale$",
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
	for name, edits := range mutants {
		if !strings.HasPrefix(edits[0].file, "aside/") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			out, err := exec.Command("go", "test", "-count=1", "-overlay", overlay(t, edits), "-v", "-run", "^TestNoReadIsStaleInChaos$",
				".", "-soak.first", "-soak.reads=10000000").CombinedOutput()
			require.Error(t, err, "the run passed:\n%s", out)
			require.Contains(t, string(out), "was acknowledged", "the run failed for another reason")
			t.Logf("%s", firstLine(string(out), "reads in"))
		})
	}
}

// overlay writes broken copies of files and returns the description of them for go build -overlay.
func overlay(t *testing.T, edits []edit) string {
	t.Helper()
	dir := t.TempDir()
	replace := make(map[string]string)
	for _, e := range edits {
		path, err := filepath.Abs(filepath.Join(root, e.file))
		require.NoError(t, err)
		source := replace[path]
		if source == "" {
			source = path
		}
		text, err := os.ReadFile(source)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(text), e.old), "%s: %q", e.file, e.old)
		broken := filepath.Join(dir, strings.ReplaceAll(e.file, "/", "_"))
		require.NoError(t, os.WriteFile(broken, []byte(strings.Replace(string(text), e.old, e.new, 1)), 0o600))
		replace[path] = broken
	}
	description, err := json.Marshal(map[string]any{"Replace": replace})
	require.NoError(t, err)
	file := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(file, description, 0o600))
	return file
}

func firstLine(text, with string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			return strings.TrimSpace(line)
		}
	}
	return text
}
