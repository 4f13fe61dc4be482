// Package scenario is what the libraries are put through. Each measurement starts a redis-server of its own.
package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/cachet-go/cachet/bench/peers/adapter"
	"github.com/cachet-go/cachet/bench/result"
)

// Scenario is a family of measurements.
type Scenario struct {
	Name  string
	Cases []string
	Fits  func(l adapter.Library, of string) bool
	Locks bool // it is about locks, not caches

	run func(ctx context.Context, e *env, of string) error
}

// All returns the scenarios in the order in which they run.
func All() []Scenario {
	return []Scenario{
		consistency, stampede, faults, outage, penetration, spread, speed, locks, growth,
	}
}

// env is what a measurement has.
type env struct {
	lib    adapter.Library
	lock   adapter.LockLibrary
	server *server
	quick  bool
	large  bool
	values map[string]float64
	series []result.Point

	closers []func() error
}

// Options changes how things are measured.
type Options struct {
	Quick bool // a fifth of the time
	Large bool // growth up to 5 million keys
}

// Measure runs one case for one library.
func Measure(scenario, of, library string, opts Options) (result.Measurement, error) {
	for _, s := range All() {
		if s.Name == scenario {
			return s.measure(of, library, opts)
		}
	}
	return result.Measurement{}, fmt.Errorf("no scenario %q", scenario)
}

func (s Scenario) measure(of, library string, opts Options) (result.Measurement, error) {
	m := result.Measurement{Scenario: s.Name, Case: of, Library: library}
	e := &env{quick: opts.Quick, large: opts.Large, values: map[string]float64{}}
	if err := e.find(s, library); err != nil {
		return m, err
	}
	defer e.close()
	var err error
	if e.server, err = startServer(); err != nil {
		return m, err
	}
	start := time.Now()
	err = s.run(context.Background(), e, of)
	m.Values, m.Series, m.Seconds = e.values, e.series, time.Since(start).Seconds()
	m.Copies, m.InProcess = e.lib.Copies, e.lib.InProcess
	return m, err
}

func (e *env) find(s Scenario, library string) error {
	if s.Locks {
		for _, l := range adapter.Locks() {
			if l.Name == library {
				e.lock = l
				return nil
			}
		}
	}
	for _, l := range adapter.Libraries() {
		if l.Name == library {
			e.lib = l
			return nil
		}
	}
	return fmt.Errorf("no library %q", library)
}

// cache opens an instance of the library. It is closed with the measurement.
//
//nolint:ireturn // that is what an adapter is
func (e *env) cache(src *source, changes ...func(*adapter.Config)) (adapter.Cache, error) {
	cfg := e.config(src, changes...)
	c, err := e.lib.New(cfg)
	if err != nil {
		return nil, err
	}
	e.closers = append(e.closers, c.Close)
	return c, nil
}

func (e *env) config(src *source, changes ...func(*adapter.Config)) adapter.Config {
	cfg := adapter.Config{Addr: e.server.addr, TTL: time.Hour, Load: src.load, LoadMany: src.loadMany}
	for _, change := range changes {
		change(&cfg)
	}
	return cfg
}

// instances opens n of them, as n processes would.
func (e *env) instances(src *source, n int) ([]adapter.Cache, error) {
	all := make([]adapter.Cache, n)
	for i := range all {
		var err error
		if all[i], err = e.cache(src); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// naive opens the reference.
func (e *env) naive(src *source) *adapter.Naive {
	n := adapter.NewNaive(e.config(src))
	e.closers = append(e.closers, n.Close)
	return n
}

func (e *env) close() {
	for _, f := range e.closers {
		within(5*time.Second, func() { _ = f() }) // a peer that hangs must not keep what was measured
	}
	if e.server != nil {
		e.server.kill()
	}
}

// within runs f and reports whether it returned in time.
func within(d time.Duration, f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-time.After(d):
		return false
	}
}

// span is how long something is measured.
func (e *env) span(full time.Duration) time.Duration {
	if e.quick {
		return full / 5
	}
	return full
}

// times is how often something is repeated.
func (e *env) times(full int) int {
	if e.quick {
		return max(full/5, 2)
	}
	return full
}

func (e *env) set(name string, v float64) { e.values[name] = v }

// caches are the libraries that load.
func caches(l adapter.Library, _ string) bool { return !l.OnlyHits }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func us(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
