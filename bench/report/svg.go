package main

import (
	"fmt"
	"html"
	"strings"
)

// A chart stands on a ground of its own, which follows the reader's colour scheme, so that it can be read on any page.
const style = `<style>
.ground { fill: #ffffff; stroke: #d0d7de }
.title { font-weight: 600; font-size: 17px; fill: #1f2328 }
.note { font-size: 12px; fill: #59636e }
.name { font-size: 13px; fill: #1f2328 }
.ours { font-weight: 700; fill: #0550ae }
.value { font-size: 12px; fill: #1f2328 }
.axis { stroke: #d0d7de; fill: none }
.good { fill: #0969da } .peer { fill: #8c959f } .pale { fill: #c8d1da } .palegood { fill: #80b8f0 }
.bad { fill: #cf222e }
.line { fill: none; stroke-width: 2 } .line.ours { stroke: #0969da; stroke-width: 4; fill: none }
.calm { fill: #b6d9ff } .load { fill: none; stroke: #1f2328; stroke-width: 1.3 }
@media (prefers-color-scheme: dark) {
.ground { fill: #0d1117; stroke: #3d444d }
.title, .name, .value { fill: #f0f6fc }
.note { fill: #9198a1 }
.ours { fill: #79c0ff }
.axis { stroke: #3d444d }
.good { fill: #1f6feb } .peer { fill: #6e7681 } .pale { fill: #3d444d } .palegood { fill: #11418a }
.bad { fill: #f85149 }
.line.ours { stroke: #58a6ff; fill: none }
.calm { fill: #1b4b91 } .load { stroke: #f0f6fc }
}
</style>`

// canvas is a drawing under way.
type canvas struct {
	strings.Builder

	width, height float64
}

// draw finishes a drawing of what has been put on it.
func (c *canvas) draw(title, note string) string {
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" `+
		`font-family="-apple-system, 'Segoe UI', Helvetica, Arial, sans-serif" role="img">`+"\n<title>%s</title>\n%s\n",
		c.width, c.height, c.width, c.height, html.EscapeString(title), style)
	ground := fmt.Sprintf(`<rect class="ground" x="0.5" y="0.5" width="%.0f" height="%.0f" rx="8"/>`+"\n",
		c.width-1, c.height-1)
	top := &canvas{}
	top.text("title", 20, 32, "start", title)
	for i, line := range strings.Split(note, "\n") {
		top.text("note", 20, 52+16*float64(i), "start", line)
	}
	return head + ground + top.String() + c.String() + "</svg>\n"
}

func (c *canvas) text(class string, x, y float64, anchor, text string) {
	fmt.Fprintf(c, `<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`+"\n",
		class, x, y, anchor, html.EscapeString(text))
}

func (c *canvas) rect(class string, x, y, width, height float64) {
	fmt.Fprintf(c, `<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2"/>`+"\n",
		class, x, y, width, height)
}

func (c *canvas) path(attributes, d string) {
	fmt.Fprintf(c, `<path %s d="%s"/>`+"\n", attributes, d)
}

// path connects points.
func path(points [][2]float64) string {
	var b strings.Builder
	for i, p := range points {
		command := "L"
		if i == 0 {
			command = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", command, p[0], p[1])
	}
	return b.String()
}
