// Package mutant has the rules of the protocol, each broken in the way that others break it, for the tests of the
// tests: what looks for stale reads must find some in a program that is built with one of them.
package mutant

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Edit replaces one piece of a file, which must occur in it exactly once. The file is named as seen from the root of
// the module.
type Edit struct{ File, Old, New string }

// Rules are broken rules by name.
type Rules map[string][]Edit

// All are those that any reader may notice.
var All = Rules{
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

// OfFences are those that only writers with a fence notice.
var OfFences = Rules{
	"no fence is placed": {
		{"aside/strategy.go", "return inv.Fence(ctx, token, s.Fence, keys...)", "return nil"},
	},
	"a writer lifts the fences of others": {
		{"store/redisstore/lift.lua", "if f.token ~= token then", "if false then"},
	},
	"a lease is granted over a fence": {
		{"store/redisstore/lease.lua", "if r.kind == 'F' then", "if false then"},
	},
}

// Overlay writes broken copies of files of the module whose directory is root, and returns the description of them
// for go build -overlay.
func Overlay(tb testing.TB, root string, edits []Edit) string {
	tb.Helper()
	file, err := write(tb.TempDir(), root, edits)
	if err != nil {
		tb.Fatalf("mutant: %v", err)
	}
	return file
}

func write(dir, root string, edits []Edit) (string, error) {
	replace := make(map[string]string)
	for _, e := range edits {
		path, err := filepath.Abs(filepath.Join(root, e.File))
		if err != nil {
			return "", err
		}
		source := replace[path]
		if source == "" {
			source = path
		}
		text, err := os.ReadFile(source)
		if err != nil {
			return "", err
		}
		if n := strings.Count(string(text), e.Old); n != 1 {
			return "", fmt.Errorf("%s has %q %d times", e.File, e.Old, n)
		}
		broken := filepath.Join(dir, strings.ReplaceAll(e.File, "/", "_"))
		if err := os.WriteFile(broken, []byte(strings.Replace(string(text), e.Old, e.New, 1)), 0o600); err != nil {
			return "", err
		}
		replace[path] = broken
	}
	description, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, description, 0o600)
}
