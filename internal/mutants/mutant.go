// Package mutants has the rules of the protocol, each broken in the way in which it is easily got wrong, and for each
// of them the test that must notice.
package mutants

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Mutant is a rule that is broken.
type Mutant struct {
	Rule    string // as it reads once it is broken
	Package string // of the test, from the module's root
	Test    string // by which the rule is held: a pattern for go test -run
	Edits   []Edit
	// Stale tells that breaking the rule makes reads stale, by chance and often enough for a soak to find.
	Stale bool
	// Inverts tells that it lets a reader see the new value of a write under way and then the old one, though the
	// writer has a fence.
	Inverts bool
}

// Edit replaces one piece of a file, which must occur in it exactly once.
type Edit struct {
	File     string // from the module's root
	Old, New string
}

// All returns all mutants.
func All() []Mutant {
	return slices.Concat(scripts(), stores(), reads(), loads(), writes(), strategies(), events(), locks(), verification())
}

// one is a mutant of one edit.
func one(rule, pkg, test, file, old, broken string) Mutant {
	return Mutant{Rule: rule, Package: pkg, Test: test, Edits: []Edit{{file, old, broken}}}
}

// stale marks a mutant that makes reads stale.
func (m Mutant) stale() Mutant {
	m.Stale = true
	return m
}

// inverts marks a mutant that breaks what fences are for.
func (m Mutant) inverts() Mutant {
	m.Inverts = true
	return m
}

// Overlay writes broken copies of files under root into dir, and returns the file that describes them to go build
// -overlay. It takes files away that are to be left out.
func (m Mutant) Overlay(root, dir string, without ...string) (string, error) {
	texts := make(map[string]string)
	replace := make(map[string]string)
	for _, file := range without {
		path, err := filepath.Abs(file)
		if err != nil {
			return "", err
		}
		replace[path] = "" // which says that there is none
	}
	for _, e := range m.Edits {
		path, err := filepath.Abs(filepath.Join(root, e.File))
		if err != nil {
			return "", err
		}
		text, ok := texts[path]
		if !ok {
			b, err := os.ReadFile(path) //nolint:gosec // of this module
			if err != nil {
				return "", err
			}
			text = string(b)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("%s: %d times, not once: %q", e.File, n, e.Old)
		}
		texts[path] = strings.Replace(text, e.Old, e.New, 1)
	}
	for path, text := range texts {
		replace[path] = filepath.Join(dir, fmt.Sprintf("%d_%s", len(replace), filepath.Base(path)))
		if err := os.WriteFile(replace[path], []byte(text), 0o600); err != nil {
			return "", err
		}
	}
	description, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "overlay.json")
	return file, os.WriteFile(file, description, 0o600)
}
