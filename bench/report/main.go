// Command report turns what bench/peers has measured into the tables of docs/benchmarks.md, between its markers, and
// the charts of docs/img. Run it where the repository begins:
//
//	go run ./bench/report -json peers.json
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cachet-go/cachet/bench/result"
)

func main() {
	file := flag.String("json", "peers.json", "what bench/peers has saved")
	page := flag.String("page", "docs/benchmarks.md", "the page with the markers")
	images := flag.String("images", "docs/img", "where charts go")
	flag.Parse()
	if err := report(*file, *page, *images); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// Between these the page is generated.
const begin, end = "<!-- peers: begin -->", "<!-- peers: end -->"

func report(file, page, images string) error {
	run, err := result.Read(file)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(page) //nolint:gosec // named by whoever runs the program
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		return fmt.Errorf("%s has no %s and %s", page, begin, end)
	}
	if err := os.MkdirAll(images, 0o755); err != nil { //nolint:gosec // a directory of documents
		return err
	}
	for name, draw := range charts() {
		if drawn := draw(run); drawn != "" {
			if err := os.WriteFile(filepath.Join(images, name), []byte(drawn), 0o644); err != nil { //nolint:gosec // no secret
				return err
			}
		}
	}
	text = []byte(before + begin + "\n\n" + generated(run) + "\n" + end + after)
	return os.WriteFile(page, text, 0o644) //nolint:gosec // no secret
}

// charts are the files, and what draws them.
func charts() map[string]func(*result.Run) string {
	return map[string]func(*result.Run) string{
		"stale.svg": stale, "stampede.svg": stampede, "throughput.svg": throughput, "outage.svg": outage,
	}
}
