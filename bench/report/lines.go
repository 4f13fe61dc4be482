package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/cachet-go/cachet/bench/result"
)

// throughput draws hits per second over the number of callers. What a library does is known as a ratio to plain
// go-redis in the same process; it is multiplied with what that did in the median of all processes, so that a noisy
// moment of the machine moves no line.
func throughput(run *result.Run) string {
	callers := [...]int{1, 8, 32, 128}
	plain := map[int]float64{}
	var libraries, fast []string
	for _, n := range callers {
		var all []float64
		for _, m := range run.Measurements {
			if v := m.Values["reference_per_second"]; m.Scenario == result.Speed && m.Case == hit(n) && v > 0 {
				all = append(all, v)
			}
		}
		if len(all) == 0 {
			return ""
		}
		slices.Sort(all)
		plain[n] = all[len(all)/2]
	}
	for _, library := range measured(run, result.Speed, hit(1)) {
		switch {
		case library == "plain go-redis":
		case run.Mark(library) != "":
			fast = append(fast, library)
		default:
			libraries = append(libraries, library)
		}
	}
	g := &graph{canvas: &canvas{width: 900, height: 460}, callers: callers[:]}
	series := map[string][]float64{"plain go-redis": {}}
	for _, n := range callers {
		series["plain go-redis"] = append(series["plain go-redis"], plain[n])
	}
	for _, library := range libraries {
		var line []float64
		for _, n := range callers {
			ratio, ok := run.Value(result.Speed, hit(n), library, "ratio")
			if !ok {
				break
			}
			line = append(line, plain[n]/ratio)
		}
		if len(line) == len(callers) {
			series[library] = line
		}
	}
	g.draw(series)
	note := "Hits of 1,000 records of 300 bytes in one process, with their decoding. Higher is better."
	if len(fast) > 0 {
		note += "\nNot drawn: " + strings.Join(fast, ", ") + ", which answer from copies in the process and do not ask Redis."
	}
	return g.canvas.draw("Hits per second, by the number of callers at once", note)
}

func hit(callers int) string {
	if callers == 1 {
		return "hit, 1 caller"
	}
	return fmt.Sprintf("hit, %d callers", callers)
}

type graph struct {
	canvas  *canvas
	callers []int
	most    float64
}

const graphLeft, graphRight, graphTop, graphBottom = 70.0, 720.0, 90.0, 420.0

func (g *graph) x(i int) float64 {
	most := math.Log2(float64(g.callers[len(g.callers)-1]))
	return graphLeft + (graphRight-graphLeft)*math.Log2(float64(g.callers[i]))/most
}

func (g *graph) y(v float64) float64 { return graphBottom - (graphBottom-graphTop)*v/g.most }

// Distinct on either ground, and to most who see colours differently.
var colours = [...]string{
	"#c69026", "#a371f7", "#2da44e", "#e16f24", "#e85aad", "#8c959f", "#1b9ec9", "#e5534b", "#6e7bf2", "#9a6700",
}

func (g *graph) draw(series map[string][]float64) {
	c := g.canvas
	names := make([]string, 0, len(series))
	for name, line := range series {
		names = append(names, name)
		g.most = max(g.most, slices.Max(line)*1.05)
	}
	step := math.Pow(10, math.Floor(math.Log10(g.most)))
	if g.most/step < 3 {
		step /= 2
	}
	for v := 0.0; v <= g.most; v += step {
		c.path(`class="axis"`, fmt.Sprintf("M%.1f %.1fH%.1f", graphLeft, g.y(v), graphRight))
		c.text("note", graphLeft-8, g.y(v)+4, "end", result.Number(v))
	}
	for i, n := range g.callers {
		c.text("note", g.x(i), graphBottom+20, "middle", strconv.Itoa(n))
	}
	c.text("note", (graphLeft+graphRight)/2, graphBottom+36, "middle", "callers")
	// Labels stand at the right end, in the order of the lines, and do not cover one another.
	slices.SortFunc(names, func(a, b string) int {
		return int(math.Copysign(1, series[a][len(g.callers)-1]-series[b][len(g.callers)-1]))
	})
	lowest := graphBottom + 14
	for i, name := range names {
		line := series[name]
		points := make([][2]float64, len(line))
		for at, v := range line {
			points[at] = [2]float64{g.x(at), g.y(v)}
		}
		end := points[len(points)-1]
		y := min(end[1]+4, lowest-16)
		lowest = y
		if name == result.Ours {
			c.path(`class="line ours"`, path(points))
			c.text("name ours", graphRight+12, y, "start", name)
			continue
		}
		colour := colours[i%len(colours)]
		c.path(`class="line" stroke="`+colour+`"`, path(points))
		fmt.Fprintf(c, `<text class="note" style="fill:%s" x="%.1f" y="%.1f">%s</text>`+"\n", colour, graphRight+12, y, name)
	}
}
