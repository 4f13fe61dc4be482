package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"io"
	"math"
	"strconv"
	"text/template"
	"time"
)

// quantity is what a chart shows of each result.
type quantity struct {
	Title string
	value func(*result) float64
	label func(float64) string
	// least is the left end of a logarithmic scale; 0 for a linear one, which begins at 0.
	least float64
	// heads are the titles of panels that differ from the names of their trials.
	heads [trials]string
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func whole(x float64) string { return thousands(int64(math.Round(x))) }

func inMilliseconds(x float64) string {
	switch {
	case x == 0:
		return "0"
	case x >= 1000:
		return strconv.FormatFloat(x/1000, 'f', 1, 64) + " s"
	case x < 10:
		return strconv.FormatFloat(x, 'f', 1, 64) + " ms"
	}
	return strconv.FormatFloat(x, 'f', 0, 64) + " ms"
}

// perMillion is the main chart. A strategy whose loaders read a replica cannot promise that nothing is stale, but for
// how long.
var perMillion = quantity{
	Title: "Stale reads per million (logarithmic)", label: whole, least: 1,
	heads: [trials]string{lag: fmt.Sprintf("the replica lags: after %v", most)},
	value: func(r *result) float64 {
		if r.Trial == lag.String() {
			return r.OverPerMillion()
		}
		return r.PerMillion()
	},
}

// quantities are all charts.
var quantities = [...]quantity{
	perMillion,
	{Title: "Stale reads per million, of any age (logarithmic)", value: (*result).PerMillion, label: whole, least: 1},
	{
		Title: "Longest time for which a value was served that had been overwritten (logarithmic)",
		value: func(r *result) float64 { return milliseconds(r.Longest) }, label: inMilliseconds, least: 1,
	},
	{
		Title: fmt.Sprintf("Records, of %d, that are wrong when everything rests", keys),
		value: func(r *result) float64 { return float64(r.Wrong) }, label: whole,
	},
	{Title: "Database queries per thousand reads", value: (*result).QueriesPerThousand, label: whole},
	{
		Title: "Time of a write, 99th percentile (logarithmic)",
		value: func(r *result) float64 { return milliseconds(r.P99) }, label: inMilliseconds, least: 0.1,
	},
}

// The layout, in pixels of a drawing that is 960 wide.
const (
	chartWidth  = 960
	namesWidth  = 222
	panelWidth  = 246
	barsWidth   = 180 // of the longest bar; the rest of a panel is for its number
	rowHeight   = 22
	groupGap    = 12
	headHeight  = 62
	chartMargin = 12
)

type chartBar struct {
	X, Y, TextX, TextY int
	Width              float64
	Class, Label, Tip  string
}

type chartName struct {
	X, Y int
	Text string
}

type chartTick struct {
	X           float64
	Top, Bottom int
}

type chartData struct {
	Width, Height int
	Title         string
	Names, Heads  []chartName
	Ticks         []chartTick
	Bars          []chartBar
	LegendY       int
}

//go:embed chart.svg.tmpl
var chartText string

//nolint:gochecknoglobals // parsed once
var chartTemplate = template.Must(
	template.New("chart").Funcs(template.FuncMap{"esc": template.HTMLEscapeString}).Parse(chartText))

// chart draws, for each trial, a bar per strategy.
func (r *report) chart(w io.Writer, q quantity) error {
	top := 1e-9
	for _, results := range r.Results {
		for _, res := range results {
			top = max(top, q.value(&res))
		}
	}
	scale := func(x float64) float64 { return barsWidth * x / top }
	var ticks []float64
	if q.least > 0 {
		decades := max(1, math.Ceil(math.Log10(top/q.least)))
		scale = func(x float64) float64 {
			if x <= 0 {
				return 0
			}
			return max(1, barsWidth*math.Log10(x/q.least)/decades)
		}
		for d := range int(decades) + 1 {
			ticks = append(ticks, barsWidth*float64(d)/decades)
		}
	} else {
		ticks = []float64{0, barsWidth / 2, barsWidth}
	}

	data := chartData{Width: chartWidth, Title: q.Title}
	rowY := make([]int, len(r.Rows))
	y := headHeight
	for i, row := range r.Rows {
		if i > 0 && row.Ours && !r.Rows[i-1].Ours {
			y += groupGap
		}
		rowY[i] = y
		data.Names = append(data.Names, chartName{X: namesWidth - 8, Y: y + 15, Text: row.Name})
		y += rowHeight
	}
	data.LegendY = y + 22
	data.Height = data.LegendY + chartMargin
	for t, results := range r.Results {
		left := namesWidth + t*panelWidth
		data.Heads = append(data.Heads, chartName{X: left, Y: headHeight - 12, Text: cmp.Or(q.heads[t], trial(t).String())})
		for _, x := range ticks {
			data.Ticks = append(data.Ticks, chartTick{X: float64(left) + x, Top: headHeight - 4, Bottom: y})
		}
		for i, res := range results {
			value := q.value(&res)
			width := scale(value)
			data.Bars = append(data.Bars, chartBar{
				X: left, Y: rowY[i] + 3, Width: width, Class: class(r.Rows[i], &res, value), Label: q.label(value),
				TextX: left + int(width) + 5, TextY: rowY[i] + 15,
				Tip: fmt.Sprintf("%s, %s: %s", r.Rows[i].Name, trial(t), q.label(value)),
			})
		}
	}
	return chartTemplate.Execute(w, data)
}

// class is how a bar and its number look.
func class(row strategy, res *result, value float64) string {
	switch {
	case !row.Ours:
		return "usual"
	case !res.Kept():
		return "broken"
	case value == 0:
		return "ours zero"
	case res.claim.kind == nothing:
		return "ours unpromised"
	}
	return "ours"
}
