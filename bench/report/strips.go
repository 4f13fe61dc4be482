package main

import (
	"fmt"

	"github.com/cachet-go/cachet/bench/result"
)

// outage draws, for each library, which share of reads was answered while Redis was away, and how many loads a second
// that cost.
func outage(run *result.Run) string {
	libraries := measured(run, result.Outage, result.Killed)
	if len(libraries) == 0 {
		return ""
	}
	const left, top, strip, height, gap = 140.0, 126.0, 350.0, 34.0, 12.0
	whole := 0.0
	for _, m := range run.Measurements {
		if n := len(m.Series); n > 0 {
			whole = max(whole, m.Series[n-1].At)
		}
	}
	c := &canvas{width: 900, height: top + (height+gap)*float64(len(libraries)) + 30}
	for i, library := range libraries {
		class := "name"
		if library == result.Ours {
			class = "name ours"
		}
		c.text(class, left-12, top+(height+gap)*float64(i)+22, "end", library+run.Mark(library))
	}
	for n, of := range []string{result.Killed, result.Frozen} {
		x := left + (strip+26)*float64(n)
		c.text("value", x, top-26, "start", "Redis "+of)
		for i, library := range libraries {
			m, ok := run.Find(result.Outage, of, library)
			y := top + (height+gap)*float64(i)
			if !ok || m.Failed != "" || len(m.Series) == 0 {
				c.text("note", x, y+22, "start", "could not be measured")
				continue
			}
			s := stripOf{m, x, y, strip, height, whole}
			s.draw(c)
			if i == 0 {
				s.clock(c, top-8)
			}
		}
	}
	y := c.height - 22
	for at, entry := range [...]struct{ class, text string }{{"calm", "answered"}, {"bad", "failed"}} {
		x := left + 110*float64(at)
		c.rect(entry.class, x, y, 10, 10)
		c.text("note", x+15, y+9, "start", entry.text)
	}
	c.path(`class="load"`, fmt.Sprintf("M%.1f %.1fh16", left+220, y+5))
	c.text("note", left+242, y+9, "start", "loads from the database (full height: every read)")
	note := fmt.Sprintf("2,000 reads a second, each with one second of time. %.0f seconds from left to right.\n%s",
		whole, result.Copies)
	return c.draw("Reads while Redis is away", note)
}

type stripOf struct {
	m                   result.Measurement
	x, y, width, height float64
	whole               float64 // seconds from left to right
}

func (s stripOf) at(seconds float64) float64 { return s.x + s.width*min(seconds/s.whole, 1) }

// clock shows when Redis was away, above the strips.
func (s stripOf) clock(c *canvas, y float64) {
	from, to := s.at(s.m.Values["away_from_s"]), s.at(s.m.Values["away_to_s"])
	c.path(`class="axis" stroke-width="2"`, fmt.Sprintf("M%.1f %.1fH%.1f", from, y+4, to))
	c.text("note", (from+to)/2, y, "middle", "away")
}

// draw fills the strip by the share that was answered, failed reads on top, and the line of loads over it.
func (s stripOf) draw(c *canvas) {
	answered := [][2]float64{{s.x, s.y + s.height}}
	var loads [][2]float64
	c.rect("bad", s.x, s.y, s.at(s.m.Series[len(s.m.Series)-1].At)-s.x, s.height)
	for _, p := range s.m.Series {
		x, total := s.at(p.At), float64(p.Reads+p.Failed)
		if total == 0 {
			continue
		}
		answered = append(answered, [2]float64{x, s.y + s.height*(1-float64(p.Reads)/total)})
		loads = append(loads, [2]float64{x, s.y + s.height*(1-min(float64(p.Loads)/total, 1))})
	}
	answered = append(answered, [2]float64{answered[len(answered)-1][0], s.y + s.height})
	c.path(`class="calm"`, path(answered)+"Z")
	c.path(`class="load"`, path(loads))
}
