package result

import "strings"

// figure shows one figure, with what stands behind it.
func figure(name, unit string) func(Measurement) string {
	return func(m Measurement) string {
		v, ok := m.Values[name]
		if !ok {
			return ""
		}
		return Number(v) + unit
	}
}

const (
	short, long             = "stalls of 50-500 ms", "stalls of 1.5-3 s"
	load20                  = "load of 20 ms"
	load200                 = "load of 200 ms"
	oneLocker, eightLockers = "1 instance of 32", "8 instances of 4"
)

var consistency = Table{
	Title: "Stale reads",
	Text: "Two instances, 64 records, 64 readers, 8 writers; one load in four stalls between reading and " +
		"returning. A read is *stale* if it began after a write was acknowledged and returned an older " +
		"version. A record is *wrong for good* if it is still served in an old version when nothing is " +
		"under way any more.",
	columns: []column{
		{"stale per million, " + short, Consistency, short, figure("stale_per_million", "")},
		{"wrong for good, of 64", Consistency, short, figure("wrong_keys", "")},
		{"stale per million, " + long, Consistency, long, figure("stale_per_million", "")},
		{"wrong for good, of 64", Consistency, long, figure("wrong_keys", "")},
	},
}

var stampede = Table{
	Title: "Stampede",
	Text: "1,000 readers of four instances ask at once for a record that nobody has. Loads: median, and the " +
		"most of any round. p99: what the unluckiest reader in a hundred waits, the load included.",
	columns: []column{
		{"loads, 20 ms each", Stampede, load20, loads},
		{"p99", Stampede, load20, figure("p99_ms", " ms")},
		{"loads, 200 ms each", Stampede, load200, loads},
		{"p99", Stampede, load200, figure("p99_ms", " ms")},
	},
}

func loads(m Measurement) string {
	median, most := m.Values["loads"], m.Values["loads_max"]
	if median == most {
		return Number(median)
	}
	return Number(median) + " to " + Number(most)
}

var faults = Table{
	Title: "When a load goes wrong",
	Text: "One caller has asked first; 50 others, of two instances, ask while its load of 200 ms runs. The " +
		"load fails, or panics, or its caller leaves; or it takes 4 s, which is longer than locks last. " +
		"What becomes of the 50?",
	columns: []column{
		{"it fails", Faults, "loader fails", suffering},
		{"it panics", Faults, "loader panics", suffering},
		{"its caller leaves", Faults, "first caller leaves", suffering},
		{"it takes 4 s", Faults, "loader outlives the lock", suffering},
	},
}

// suffering says what has become of readers whose load went wrong.
func suffering(m Measurement) string {
	var parts []string
	for _, what := range [...]struct{ name, text string }{
		{"failed", "fail"}, {"panicked", "panic"}, {"zero_values", "get an empty record"}, {"hung", "hang"},
	} {
		if n := m.Values[what.name]; n > 0 {
			parts = append(parts, Number(n)+" "+what.text)
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "all served")
	}
	if n := m.Values["loads"]; n == 1 {
		parts = append(parts, "1 load")
	} else {
		parts = append(parts, Number(n)+" loads")
	}
	if ms := m.Values["slowest_ms"]; ms > 1000 {
		parts = append(parts, "slowest "+Number(ms/1000)+" s")
	}
	if m.Values["usable_after_ms"] < 0 {
		parts = append(parts, "unusable 10 s later")
	}
	return strings.Join(parts, ", ")
}

var outage = Table{
	Title: "Redis is away for five seconds",
	Text: "2,000 reads a second of 300 records, each with one second of time; a load takes 20 ms. Killed: " +
		"connections are refused. Frozen: they are accepted and not served. *In flight* is the most loads " +
		"that ran at once, which is what the database feels. *Over* is how long after the return of Redis " +
		"reads were back to normal.",
	columns: []column{
		{"failed, killed", Outage, Killed, figure("failed_percent", " %")},
		{"in flight", Outage, Killed, figure("loads_in_flight", "")},
		{"over after", Outage, Killed, over},
		{"failed, frozen", Outage, Frozen, figure("failed_percent", " %")},
		{"in flight", Outage, Frozen, figure("loads_in_flight", "")},
		{"over after", Outage, Frozen, over},
	},
}

func over(m Measurement) string {
	v := m.Values["recovery_ms"]
	if v < 0 {
		return "not in 4 s"
	}
	return Number(v) + " ms"
}

var absence = Table{
	Title: "Records that do not exist, and lifetimes",
	Text: "100,000 reads of 1,000 records that do not exist: how many go to the database? A thousand " +
		"records are stored at once: how many of them expire in the same second? And how long is kept " +
		"what is to be kept for five seconds?",
	columns: []column{
		{"loads of absent records", Penetration, "1,000 absent records", figure("loads", "")},
		{"expire in one second, of 1,000", TTL, "spread and truth", figure("busiest_second", "")},
		{"asked 5 s, kept", TTL, "spread and truth", figure("asked_5_s_kept_s", " s")},
	},
}

var speed = Table{
	Title: "Speed of hits",
	Text: "Times the reference, which is GET by go-redis and decode by msgpack on the same server, turn " +
		"about: less is faster, as to time; more is faster, as to throughput. Hits of 1,000 records at " +
		"random, and of a single one. Libraries with a copy in the process do not ask Redis, which is " +
		"what stale reads above come from.",
	columns: []column{
		{"time, 1 caller", Speed, "hit, 1 caller", figure("ratio", "")},
		{"allocations more", Speed, "hit, 1 caller", allocations},
		{"throughput, 8 callers", Speed, "hit, 8 callers", throughput},
		{"32 callers", Speed, "hit, 32 callers", throughput},
		{"128 callers", Speed, "hit, 128 callers", throughput},
		{"128 callers, one record", Speed, "one record, 128 callers", throughput},
	},
}

func allocations(m Measurement) string {
	return Number(m.Values["allocations"] - m.Values["reference_allocations"])
}

func throughput(m Measurement) string { return Number(1/m.Values["ratio"]) + "×" }

var batches = Table{
	Title: "Speed of the rest",
	Text: "Times the reference: MGET and decode; GET, load, SET, where the source takes 1 ms; a pipeline of " +
		"DELs. Commands and round trips are counted where the library's client can be watched.",
	columns: []column{
		{"GetMany of 100", Speed, "GetMany of 100", figure("ratio", "")},
		{"miss", Speed, "miss, source of 1 ms", figure("ratio", "")},
		{"commands of a miss", Speed, "miss, source of 1 ms", figure("commands", "")},
		{"invalidate 100", Speed, "invalidate 100", figure("ratio", "")},
		{"round trips", Speed, "invalidate 100", figure("round_trips", "")},
	},
}

var locks = Table{
	Title: "Locks",
	Text: "Times SET NX PX and a script that releases, with nobody contending: time of a lock that nobody " +
		"else wants; then throughput of one that 32 goroutines want, in one instance and in eight. Jain's " +
		"index says how evenly they get it: 1 is even, 1/32 is one who gets it all. Requests are counted, per " +
		"lock, where the library's client can be watched.",
	columns: []column{
		{"time, uncontended", Locks, "uncontended", figure("ratio", "")},
		{"throughput, 1 × 32", Locks, oneLocker, figure("throughput_to_raw", "×")},
		{"requests", Locks, oneLocker, figure("requests", "")},
		{"Jain", Locks, oneLocker, figure("jain", "")},
		{"longest wait", Locks, oneLocker, longest},
		{"throughput, 8 × 4", Locks, eightLockers, figure("throughput_to_raw", "×")},
		{"requests", Locks, eightLockers, figure("requests", "")},
		{"Jain", Locks, eightLockers, figure("jain", "")},
		{"longest wait", Locks, eightLockers, longest},
	},
}

func longest(m Measurement) string {
	if n := m.Values["gave_up"]; n > 0 {
		return Number(n) + " gave up after 5 s"
	}
	return Number(m.Values["longest_ms"]) + " ms"
}
