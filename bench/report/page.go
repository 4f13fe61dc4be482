package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cachet-go/cachet/bench/result"
)

// generated is what stands between the markers.
func generated(run *result.Run) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s in %.0f minutes, %d cores, load average %s (start, end), %s, %s.\n",
		run.Started.Format("2 January 2006"), run.Seconds/60, run.CPUs, run.Load, run.Go, redisVersion(run.Redis))
	if run.Quick {
		b.WriteString("**A quick run, to try the harness out: go by no figure.**\n")
	}
	var busy float64
	if _, err := fmt.Sscanf(run.Load, "%f", &busy); err == nil && busy > float64(run.CPUs) {
		b.WriteString("**The machine was busy with other things: go by ratios, and by nothing that is in milliseconds.**\n")
	}
	verdict, _ := run.Verdict()
	charts := map[string]string{
		"Stale reads":                    "![Stale reads by library](img/stale.svg)",
		"Stampede":                       "![Loads and waiting in a stampede](img/stampede.svg)",
		"Redis is away for five seconds": "![Reads while Redis is away](img/outage.svg)",
		"Speed of hits":                  "![Throughput by concurrency](img/throughput.svg)",
	}
	b.WriteString("\n" + versions(run) + " " + result.Copies + "\n")
	for _, t := range result.Tables() {
		rows := run.Rows(t)
		if rows == nil {
			continue
		}
		fmt.Fprintf(&b, "\n### %s\n\n", t.Title)
		if chart, ok := charts[t.Title]; ok {
			b.WriteString(chart + "\n\n")
		}
		b.WriteString(t.Text + "\n\n" + result.Align(rows))
	}
	b.WriteString("\n### What cachet demands of itself\n\n" + verdict)
	return b.String()
}

// redisVersion is the part that matters of what the server says of itself.
func redisVersion(said string) string {
	for word := range strings.FieldsSeq(said) {
		if v, ok := strings.CutPrefix(word, "v="); ok {
			return "Redis " + v
		}
	}
	return said
}

func versions(run *result.Run) string {
	var all []string
	for name, v := range run.Versions {
		if v != "" {
			all = append(all, name+" "+v)
		}
	}
	slices.Sort(all)
	return "Libraries: " + strings.Join(all, ", ") + "."
}
