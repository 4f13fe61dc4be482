package model_test

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/cachet-go/cachet/internal/model"
)

var full = flag.Bool("model.full", false, "look at every state of every run of the matrix")

// most bounds a run without -model.full.
const most = 20_000

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

func TestMatrix(t *testing.T) {
	bound := most
	if *full {
		bound = 0
	}
	var runs []model.Run
	strategies := append(append([]model.Strategy{}, model.Classic...), model.Ours...)
	for _, s := range strategies {
		for _, f := range model.Columns {
			runs = append(runs, model.Run{Strategy: s, Faults: f, Most: bound})
		}
	}
	start := time.Now()
	results := explore(runs)
	states := 0
	var b strings.Builder
	for i, run := range runs {
		if i%len(model.Columns) == 0 {
			fmt.Fprintf(&b, "\n%s\n", run.Strategy.Name)
		}
		res := results[i]
		states += res.States
		fmt.Fprintf(&b, "  %-25s %8d", run.Faults, res.States)
		for _, c := range model.All {
			steps, broken := res.Found[c]
			keeps, ever := run.Strategy.Keeps[c]
			keeps2 := ever && run.Faults&^keeps == 0
			mark := ""
			if keeps2 == broken {
				mark = "!"
			}
			if broken {
				fmt.Fprintf(&b, " %s %2d%1s", c, len(steps), mark)
			} else {
				fmt.Fprintf(&b, " %s  -%1s", c, mark)
			}
		}
		b.WriteString("\n")
	}
	fmt.Println(b.String(), states, time.Since(start))
	_ = assert.True
}
