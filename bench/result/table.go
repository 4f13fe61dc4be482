package result

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Table is one scenario for readers: a row for each library.
type Table struct {
	Title   string
	Text    string // what was done, and how to read it
	columns []column
}

// column shows one case.
type column struct {
	head, scenario, of string
	show               func(Measurement) string
}

// Tables are those that a run can fill.
func Tables() []Table {
	return []Table{consistency, stampede, faults, outage, absence, speed, batches, locks}
}

// Rows returns the cells of a table, heads first, or nil if nothing of it was measured.
func (r *Run) Rows(t Table) [][]string {
	row := func(name string, cell func(column) string) []string {
		row := make([]string, 1, 1+len(t.columns))
		row[0] = name
		for _, c := range t.columns {
			row = append(row, cell(c))
		}
		return row
	}
	rows := [][]string{row("library", func(c column) string { return c.head })}
	for _, library := range r.libraries(t) {
		row := row(library, func(c column) string { return r.cell(c, library) })
		row[0] += r.Mark(library)
		if slices.ContainsFunc(row[1:], func(s string) bool { return s != "" }) {
			rows = append(rows, row)
		}
	}
	if len(rows) == 1 {
		return nil
	}
	rows[1][0] = strings.Replace(rows[1][0], Ours, "**"+Ours+"**", 1)
	return rows
}

// libraries are those that a table knows something of, in the order in which they were measured.
func (r *Run) libraries(t Table) []string {
	var all []string
	for _, m := range r.Measurements {
		in := slices.ContainsFunc(t.columns, func(c column) bool { return c.scenario == m.Scenario })
		if in && !slices.Contains(all, m.Library) {
			all = append(all, m.Library)
		}
	}
	return all
}

func (r *Run) cell(c column, library string) string {
	m, ok := r.Find(c.scenario, c.of, library)
	switch {
	case !ok:
		return ""
	case m.Failed != "":
		why := strings.Join(strings.Fields(m.Failed), " ")
		return "*" + strings.ReplaceAll(shorten(why), "|", "/") + "*"
	}
	return c.show(m)
}

func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		return string([]rune(s)[:most]) + "…"
	}
	return s
}

// Markdown returns the tables, the growth of cost, and where the figures come from.
func (r *Run) Markdown() string {
	var b strings.Builder
	for _, t := range Tables() {
		if rows := r.Rows(t); rows != nil {
			fmt.Fprintf(&b, "### %s\n\n%s\n\n%s\n", t.Title, t.Text, Align(rows))
		}
	}
	return b.String()
}

// Align writes a table whose columns line up, so that it can be read as it is.
func Align(rows [][]string) string {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell), 3)
		}
	}
	var b strings.Builder
	for n, row := range rows {
		for i, cell := range row {
			b.WriteString("| " + cell + strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell)) + " ")
		}
		b.WriteString("|\n")
		if n == 0 {
			for _, w := range width {
				b.WriteString("|" + strings.Repeat("-", w+2))
			}
			b.WriteString("|\n")
		}
	}
	return b.String()
}

// Number writes a figure with as many digits as mean something.
func Number(v float64) string {
	switch {
	case v == float64(int64(v)) && v < 1000 || v >= 100 && v < 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 1000:
		s := fmt.Sprintf("%.0f", v)
		for at := len(s) - 3; at > 0; at -= 3 {
			s = s[:at] + "," + s[at:]
		}
		return s
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
