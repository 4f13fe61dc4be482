package main

import (
	"fmt"

	"github.com/cachet-go/cachet/bench/result"
)

// bars is a panel of bars, two for each library.
type bars struct {
	head   string
	legend [2]string
	value  func(library string, which int) (v float64, label string, ok bool)
}

const barHeight, rowHeight = 13.0, 40.0

// panels draws bars side by side. The names of the libraries stand once, on the left.
func panels(run *result.Run, title, note string, libraries []string, all ...bars) string {
	const left, right, top, gap = 140.0, 20.0, 126.0, 30.0
	c := &canvas{width: 900, height: top + rowHeight*float64(len(libraries)) + 16}
	width := (c.width - left - right - gap*float64(len(all)-1)) / float64(len(all))
	for i, library := range libraries {
		class := "name"
		if library == result.Ours {
			class = "name ours"
		}
		c.text(class, left-12, top+rowHeight*float64(i)+19, "end", library+run.Mark(library))
	}
	for n, b := range all {
		b.draw(c, libraries, left+(width+gap)*float64(n), top, width)
	}
	return c.draw(title, note+"\n"+result.Copies)
}

func (b bars) draw(c *canvas, libraries []string, x, y, width float64) {
	const room = 120.0 // for the label
	c.text("value", x, y-28, "start", b.head)
	c.rect("peer", x, y-19, 10, 10)
	c.text("note", x+15, y-10, "start", b.legend[0])
	at := x + 30 + 6.2*float64(len(b.legend[0]))
	c.rect("pale", at, y-19, 10, 10)
	c.text("note", at+15, y-10, "start", b.legend[1])
	most := 0.0
	for _, library := range libraries {
		for which := range 2 {
			if v, _, ok := b.value(library, which); ok {
				most = max(most, v)
			}
		}
	}
	for i, library := range libraries {
		for which := range 2 {
			v, label, ok := b.value(library, which)
			top := y + rowHeight*float64(i) + 2 + (barHeight+2)*float64(which)
			if !ok {
				c.text("note", x+2, top+11, "start", label)
				continue
			}
			long := 1.5
			if most > 0 {
				long = max(v/most*(width-room), 1.5)
			}
			c.rect(shade(library, which), x, top, long, barHeight)
			class := "value"
			if library == result.Ours {
				class = "value ours"
			}
			c.text(class, x+long+6, top+11, "start", label)
		}
	}
	c.path(`class="axis"`, fmt.Sprintf("M%.1f %.1fV%.1f", x-0.5, y-2, y+rowHeight*float64(len(libraries))))
}

func shade(library string, which int) string {
	if library == result.Ours {
		return [2]string{"good", "palegood"}[which]
	}
	return [2]string{"peer", "pale"}[which]
}

// measured are the libraries of a case, ours first as it is measured first.
func measured(run *result.Run, scenario, of string) []string {
	var all []string
	for _, m := range run.Measurements {
		if m.Scenario == scenario && m.Case == of {
			all = append(all, m.Library)
		}
	}
	return all
}

// of returns the bars of one figure in two cases.
func of(run *result.Run, scenario string, cases [2]string, label func(result.Measurement) (float64, string),
) func(string, int) (float64, string, bool) {
	return func(library string, which int) (float64, string, bool) {
		m, ok := run.Find(scenario, cases[which], library)
		if !ok || m.Failed != "" {
			return 0, "could not be measured", false
		}
		v, text := label(m)
		return v, text, true
	}
}

// figure labels a bar by one of the values that were measured.
func figure(name, unit string) func(result.Measurement) (float64, string) {
	return func(m result.Measurement) (float64, string) {
		v := m.Values[name]
		return v, result.Number(v) + unit
	}
}

func stale(run *result.Run) string {
	cases := [2]string{"stalls of 50-500 ms", "stalls of 1.5-3 s"}
	libraries := measured(run, result.Consistency, cases[0])
	if len(libraries) == 0 {
		return ""
	}
	legend := [2]string{"loads stall 50-500 ms", "loads stall 1.5-3 s"}
	note := "Two instances read and write 64 records; some loads stall between reading and returning."
	return panels(run, "Stale reads", note, libraries,
		bars{"stale reads per million, after the write was acknowledged", legend, of(run, result.Consistency, cases,
			figure("stale_per_million", ""))},
		bars{"records left wrong for good, of 64", legend, of(run, result.Consistency, cases,
			figure("wrong_keys", ""))})
}

func stampede(run *result.Run) string {
	cases := [2]string{"load of 20 ms", "load of 200 ms"}
	libraries := measured(run, result.Stampede, cases[0])
	if len(libraries) == 0 {
		return ""
	}
	legend := [2]string{"a load takes 20 ms", "a load takes 200 ms"}
	note := "1,000 readers over four instances ask at once for a record that nobody has."
	return panels(run, "Stampede", note, libraries,
		bars{"loads by the database", legend, of(run, result.Stampede, cases, figure("loads", ""))},
		bars{"waiting, 99th percentile", legend, of(run, result.Stampede, cases, figure("p99_ms", " ms"))})
}
