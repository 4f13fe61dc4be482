package result

import (
	"fmt"
	"math"
)

// Verdict is one thing that cachet demands of itself.
type Verdict struct {
	What, Bound, Got string
	OK               bool
	Known            bool // it was measured
}

type verdicts struct {
	run *Run
	all []Verdict
}

// check adds the verdict on one figure.
func (v *verdicts) check(what string, got float64, known bool, atMost float64, unit string) {
	v.add(what, got, known, got <= atMost, "at most "+Number(atMost)+unit, unit)
}

func (v *verdicts) atLeast(what string, got float64, known bool, least float64, unit string) {
	v.add(what, got, known, got >= least, "at least "+Number(least)+unit, unit)
}

func (v *verdicts) add(what string, got float64, known, ok bool, bound, unit string) {
	verdict := Verdict{What: what, Bound: bound, Got: "not measured", OK: ok && known, Known: known}
	switch {
	case known && math.IsNaN(got):
		verdict.Got = "could not be measured"
	case known:
		verdict.Got = Number(got) + unit
		if unit == "×" {
			verdict.Got = fmt.Sprintf("%.3f×", got)
		}
	}
	v.all = append(v.all, verdict)
}

// ours returns a figure, or NaN, which keeps no bound, if it was to be measured and could not be.
func (v *verdicts) ours(scenario, of, name string) (got float64, known bool) {
	if m, ok := v.run.Find(scenario, of, Ours); ok && m.Failed != "" {
		return math.NaN(), true
	}
	return v.run.Value(scenario, of, Ours, name)
}

// figure is check for one value of ours.
func (v *verdicts) figure(what, scenario, of, name string, atMost float64, unit string) {
	got, known := v.ours(scenario, of, name)
	v.check(what, got, known, atMost, unit)
}

// Verdicts compares ours with the bounds.
func (r *Run) Verdicts() []Verdict {
	v := &verdicts{run: r}
	for _, of := range []string{short, long} {
		v.figure("stale reads, "+of, Consistency, of, "stale", 0, "")
		v.figure("records wrong for good, "+of, Consistency, of, "wrong_keys", 0, "")
		v.figure("records that could not be read, "+of, Consistency, of, "unread_keys", 0, "")
	}
	v.figure("loads of a stampede, 20 ms each", Stampede, load20, "loads_max", 1, "")
	v.figure("p99 of a stampede, 20 ms each", Stampede, load20, "p99_ms", 40, " ms")
	v.figure("loads of a stampede, 200 ms each", Stampede, load200, "loads_max", 1, "")
	v.figure("p99 of a stampede, 200 ms each", Stampede, load200, "p99_ms", 215, " ms")
	for _, of := range []string{Killed, Frozen} {
		v.figure("failed reads, Redis "+of, Outage, of, "failed", 0, "")
		v.figure("loads in flight, Redis "+of, Outage, of, "loads_in_flight", 64, "")
		got, known := v.ours(Outage, of, "recovery_ms")
		if got < 0 {
			got = math.Inf(1)
		}
		v.check("recovery, Redis "+of, got, known, 1000, " ms")
	}
	v.speed()
	v.figure("loads of 1,000 absent records", Penetration, "1,000 absent records", "loads", 1000, "")
	v.growth()
	v.locks()
	return v.all
}

func (v *verdicts) locks() {
	v.figure("a lock that nobody else wants, to SET NX PX and a script", Locks, "uncontended", "ratio", 1.25, "×")
	got, known := v.ours(Locks, oneLocker, "throughput_to_raw")
	v.atLeast("throughput of a lock that 32 want, to the same by one", got, known, 1, "×")
	v.figure("requests for a lock that 32 want", Locks, oneLocker, "requests", 1.1, "")
	got, known = v.ours(Locks, eightLockers, "throughput_to_raw")
	theirs, ok := v.run.Value(Locks, eightLockers, "rueidislock, defaults", "throughput_to_raw")
	v.atLeast("throughput of eight instances of 4, to rueidislock's", got/theirs, known && ok, 3, "×")
	v.figure("requests for a lock of eight instances of 4", Locks, eightLockers, "requests", 1.2, "")
	for _, of := range []string{oneLocker, eightLockers} {
		got, known := v.ours(Locks, of, "jain")
		v.atLeast("Jain's index, "+of, got, known, 0.99, "")
	}
}

func (v *verdicts) speed() {
	const one, many, crowd = "hit, 1 caller", "GetMany of 100", "hit, 128 callers"
	const miss, invalidate = "miss, source of 1 ms", "invalidate 100"
	v.figure("a hit, to GET and decode", Speed, one, "ratio", 1.05, "×")
	got, known := v.ours(Speed, one, "allocations")
	reference, _ := v.ours(Speed, one, "reference_allocations")
	v.check("allocations of a hit, more than GET and decode", got-reference, known, 2, "")
	if ours, ok := v.ours(Speed, crowd, "ratio"); ok {
		v.atLeast("throughput of 128 callers, to plain go-redis", 1/ours, true, 3, "×")
		for _, library := range onGoRedis {
			theirs, known := v.run.Value(Speed, crowd, library, "ratio")
			v.atLeast("throughput of 128 callers, to "+library, theirs/ours, known, 3, "×")
		}
		theirs, known := v.run.Value(Speed, crowd, "plain rueidis", "ratio")
		v.atLeast("throughput of 128 callers, to plain rueidis", theirs/ours, known, 1, "×")
	}
	v.figure("GetMany of 100, to MGET and decode", Speed, many, "ratio", 1.1, "×")
	v.figure("a miss, to GET, load, SET", Speed, miss, "ratio", 1.2, "×")
	v.figure("commands of a miss", Speed, miss, "commands", 3, "")
	v.figure("invalidation of 100, to a pipeline of DELs", Speed, invalidate, "ratio", 1.1, "×")
	v.figure("round trips of an invalidation of 100", Speed, invalidate, "round_trips", 1, "")
}

// onGoRedis are the peers that send what they send by go-redis, and keep no copy in the process.
var onGoRedis = [...]string{"rockscache", "go-redis/cache", "jetcache-go", "go-zero", "eko/gocache"}

func (v *verdicts) growth() {
	base, known := v.ours(Growth, "keys", "ratio_1000")
	for _, n := range []int{100_000, 5_000_000} {
		got, ok := v.ours(Growth, "keys", fmt.Sprintf("ratio_%d", n))
		if ok || n == 100_000 {
			what := fmt.Sprintf("cost of a hit with %s keys, to that with 1,000", Number(float64(n)))
			v.check(what, got/base, known && ok, 1.1, "×")
		}
	}
	for _, n := range []int{10, 100} {
		what := fmt.Sprintf("processor time of a read with %d caches, to that with 1", n)
		v.figure(what, Growth, "caches", fmt.Sprintf("cpu_ratio_%d", n), 1.1, "×")
	}
}

// Verdict returns the verdicts as a table, and whether none of those that were measured fails.
func (r *Run) Verdict() (table string, ok bool) {
	verdicts := r.Verdicts()
	rows := make([][]string, 1, 1+len(verdicts))
	rows[0] = []string{"what", "bound", "measured", ""}
	ok = true
	for _, v := range verdicts {
		mark := "holds"
		switch {
		case !v.Known:
			mark = ""
		case !v.OK:
			mark, ok = "**FAILS**", false
		}
		rows = append(rows, []string{v.What, v.Bound, v.Got, mark})
	}
	return Align(rows), ok
}
