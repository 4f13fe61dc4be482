package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/peers/scenario"
	"github.com/cachet-go/cachet/bench/result"
)

// jobs are the measurements that were asked for, case by case: what is compared is measured close together.
func (o *options) jobs() []job {
	var jobs []job
	for _, s := range scenario.All() {
		if !wanted(o.only, s.Name) {
			continue
		}
		for _, of := range s.Cases {
			if s.Locks {
				for _, l := range adapter.Locks() {
					if wanted(o.libs, l.Name) {
						jobs = append(jobs, job{s.Name, of, l.Name})
					}
				}
				continue
			}
			for _, l := range adapter.Libraries() {
				if wanted(o.libs, l.Name) && s.Fits(l, of) {
					jobs = append(jobs, job{s.Name, of, l.Name})
				}
			}
		}
	}
	return jobs
}

// run measures, prints and saves. It reports whether all bounds hold.
func (o *options) run(ctx context.Context) (bool, error) {
	run := &result.Run{
		Started: time.Now().UTC().Truncate(time.Second), Quick: o.opts.Quick, Go: runtime.Version(), CPUs: runtime.NumCPU(),
		Redis: said("redis-server", "--version"), Commit: said("git", "rev-parse", "--short", "HEAD"), Load: load(),
		Versions: versions(),
	}
	jobs := o.jobs()
	for i, j := range jobs {
		fmt.Fprintf(os.Stderr, "[%3d/%d %5s] %-11s %-22s %-15s ",
			i+1, len(jobs), time.Since(run.Started).Round(time.Second), j.scenario, j.of, j.library)
		m := j.start(ctx, o.opts)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		fmt.Fprintln(os.Stderr, brief(m))
		run.Measurements = append(run.Measurements, m)
		run.Seconds = time.Since(run.Started).Seconds()
		if err := run.Save(o.json); err != nil {
			return false, err
		}
	}
	run.Load += ", " + load()
	if err := run.Save(o.json); err != nil {
		return false, err
	}
	text := run.Markdown()
	if o.markdown != "" {
		if err := os.WriteFile(o.markdown, []byte(text), 0o644); err != nil { //nolint:gosec // no secret
			return false, err
		}
	}
	verdicts, ok := run.Verdict()
	fmt.Fprintln(os.Stdout, text)
	fmt.Fprintln(os.Stdout, verdicts)
	return ok, nil
}

// brief is a measurement in one line.
func brief(m result.Measurement) string {
	if m.Failed != "" {
		return "FAILED: " + m.Failed
	}
	var names []string
	for name := range m.Values {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s=%.4g", name, m.Values[name])
	}
	return strings.Join(names, " ")
}

func said(program string, args ...string) string {
	out, err := exec.Command(program, args...).Output() //nolint:gosec,noctx // from a constant, and it ends at once
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// load is the load average of the last minute.
func load() string {
	b, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(b))[0]
}

// versions finds which versions of the libraries this program was built with.
func versions() map[string]string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	of := map[string]string{}
	for _, dep := range info.Deps {
		of[dep.Path] = dep.Version
	}
	versions := map[string]string{}
	for _, l := range adapter.Libraries() {
		versions[l.Name] = of[l.Module]
	}
	for _, l := range adapter.Locks() {
		versions[l.Name] = of[l.Module]
	}
	return versions
}
