package model_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/model"
)

var full = flag.Bool("model.full", false, "look at many more states of each run of the matrix")

// bound is the number of states of one run whose steps are taken, 0 for all.
func bound(f model.Faults) int {
	switch {
	case !*full:
		return 5_000
	case f == 0:
		return 0
	default:
		return 400_000
	}
}

// matrix is every strategy under every fault.
type matrix struct {
	strategies []model.Strategy
	runs       [][]model.Result // by strategy and column
}

func newMatrix(strategies []model.Strategy) matrix {
	var runs []model.Run
	for _, s := range strategies {
		for _, f := range model.Columns() {
			runs = append(runs, model.Run{Strategy: s, Faults: f, Most: bound(f)})
		}
	}
	results := explore(runs)
	m := matrix{strategies: strategies}
	for n := len(model.Columns()); len(results) > 0; results = results[n:] {
		m.runs = append(m.runs, results[:n])
	}
	return m
}

// shortest returns the shortest known way to break a check. What breaks it under some of the faults of a column does
// so under all of them, for no fault must happen. A loader that reads a replica needs more steps, so there that is
// not said.
func (m matrix) shortest(strategy, column int, c model.Checks) (steps []model.Step, broken bool) {
	f := model.Columns()[column]
	for i, g := range model.Columns() {
		if i != column && (g&^f != 0 || f == model.Lag) {
			continue
		}
		if found, ok := m.runs[strategy][i].Found[c]; ok && (!broken || len(found) < len(steps)) {
			steps, broken = found, true
		}
	}
	return steps, broken
}

// table tells one check as Markdown: the length of the shortest counterexample, "holds" if every state was looked at,
// "(holds)" if all of those within the bound were, and "?" for a counterexample that is not within it.
func (m matrix) table(c model.Checks) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %s |", c)
	for _, f := range model.Columns() {
		fmt.Fprintf(&b, " %s |", f)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(model.Columns())) + "\n")
	for i, s := range m.strategies {
		fmt.Fprintf(&b, "| %s |", s.Name)
		for j, f := range model.Columns() {
			steps, broken := m.shortest(i, j, c)
			switch {
			case broken:
				fmt.Fprintf(&b, " %d |", len(steps))
			case s.Claims(c, f) && m.runs[i][j].Complete:
				b.WriteString(" holds |")
			case s.Claims(c, f):
				b.WriteString(" (holds) |")
			default:
				b.WriteString(" ? |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestTheMatrixIsAsClaimed(t *testing.T) {
	start := time.Now()
	m := newMatrix(append(model.Classic(), model.Ours()...))
	states, complete, runs := 0, 0, 0
	for i, s := range m.strategies {
		for j, f := range model.Columns() {
			res := m.runs[i][j]
			runs++
			states += res.States
			if res.Complete {
				complete++
			}
			for _, c := range model.All() {
				steps, broken := m.shortest(i, j, c)
				if s.Claims(c, f) {
					assert.False(t, broken, "%s, %s: %s breaks:\n%s", s.Name, f, c, told(steps))
				} else if res.Complete {
					assert.True(t, broken, "%s, %s: %s holds", s.Name, f, c)
				}
			}
		}
	}
	if *full {
		require.Greater(t, states, 10_000_000)
	}
	for _, c := range model.All() {
		t.Logf("shortest counterexamples of %s, in steps:\n%s", c, m.table(c))
	}
	t.Logf("%d states in %d runs, %d of them complete, in %v", states, runs, complete, time.Since(start).Round(time.Second))
	for i, s := range m.strategies {
		for _, c := range model.All() {
			for j, f := range model.Columns() {
				if steps, broken := m.shortest(i, j, c); broken {
					t.Logf("%s, %s: %s breaks in %d steps\n%s", s.Name, f, c, len(steps), told(steps))
					break // under more faults it breaks in the same way
				}
			}
		}
	}
}
