package model_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cachet-go/cachet/internal/model"
)

// explore runs all runs, as many at a time as there are processors.
func explore(runs []model.Run) []model.Result {
	results := make([]model.Result, len(runs))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i, run := range runs {
		slots <- struct{}{}
		wg.Go(func() {
			results[i] = run.Explore()
			<-slots
		})
	}
	wg.Wait()
	return results
}

// told is an interleaving as text, one step a line.
func told(steps []model.Step) string {
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%4d  %s\n", i+1, s)
	}
	return b.String()
}

// A small cast is explored to the end under all the faults of a claim at once, so that "holds" is no matter of
// patience.
func TestOurStrategiesKeepEachClaimInEveryStateOfASmallCast(t *testing.T) {
	strategies := []model.Strategy{model.Aside(), model.Fenced()}
	if *full {
		strategies = model.Ours()
	}
	var (
		runs   []model.Run
		claims []model.Claim
	)
	for _, s := range strategies {
		for _, claim := range s.Keeps {
			if *full || claim.Check != model.PH {
				runs = append(runs, model.Run{Strategy: s, Faults: claim.Under, Readers: 2, Writers: 1})
				claims = append(claims, claim)
			}
		}
	}
	states := 0
	for i, res := range explore(runs) {
		states += res.States
		t.Logf("%s keeps %s: %d states", runs[i].Strategy.Name, claims[i].Check, res.States)
		assert.True(t, res.Complete)
		steps, broken := res.Found[claims[i].Check]
		assert.False(t, broken, "%s: %s breaks:\n%s", runs[i].Strategy.Name, claims[i].Check, told(steps))
	}
	t.Logf("two readers and a writer: %d states in %d runs", states, len(runs))
}
