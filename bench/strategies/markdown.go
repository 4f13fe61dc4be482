package main

import (
	"fmt"
	"io"
	"strings"
)

// markdown writes the tables, for documentation.
func (r *report) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s; runs of %v, seed %d.\n", r.Database, r.Each, r.Seed)
	all := columns()
	for t, results := range r.Results {
		fmt.Fprintf(&b, "\n**%s**\n\n| strategy |", trial(t))
		for _, c := range all {
			fmt.Fprintf(&b, " %s |", c.Name)
		}
		b.WriteString("\n|---|" + strings.Repeat("--:|", len(all)) + "\n")
		for i, res := range results {
			fmt.Fprintf(&b, "| %s |", r.Rows[i].Name)
			for _, c := range all {
				fmt.Fprintf(&b, " %s |", c.cell(&res))
			}
			b.WriteString("\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
