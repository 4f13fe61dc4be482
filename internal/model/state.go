package model

const (
	readers   = 3 // the first two share a process
	processes = 2
	writers   = 2
)

// process says where a reader lives.
func process(reader int) int { return reader / 2 }

// Values are named by who wrote them: 0 is the value of the beginning, w+1 that of writer w.
const values = writers + 1

// Kinds of records. Floor is what the versioned strategy leaves instead of a deleted value.
const (
	none uint8 = iota
	value
	lease
	fence
	probation
	floor
)

// Stamps. A stamp in the hands of reader i is i+1.
const (
	processStamp uint8 = 5 // and up: where an ablation has one stamp per process
	lateStamp    uint8 = 8 // that of the late command, whose sender has gone on
	orphan       uint8 = 9 // nobody's
)

// Record is what Redis holds on the key.
type Record struct {
	Kind   uint8
	Stamp  uint8
	Value  uint8
	Fences uint8 // one bit per writer
	Until  uint8 // on probation: one more than the commits that the replica must have before it ends; 0: it is not
}

// over is the Until of a lease that was granted on a probation which has ended.
const over uint8 = 255

// Reader is a reader's place in its one Get, and what it holds there.
type Reader struct {
	At      place
	Value   uint8
	Reply   uint8
	Alone   bool // it refreshes in the background
	Leader  uint8
	Early   uint8 // steps of the leader that it came before
	Acked   uint8 // acknowledged commits when it started
	Commits uint8 // commits when it started
	Seen    uint8 // the newest that reads had returned when it started
}

// Writer is a writer's place in its program.
type Writer struct {
	At     uint8
	Dead   bool
	Failed bool // it will not acknowledge
}

// State is everything there is. It has no padding, so that it is hashed and compared as plain memory.
type State struct {
	Spent Faults // those that have happened and may not again

	Cache, Before Record // as it is, and as it was before the last write to it

	Current uint8         // the value in the database
	Rank    [values]uint8 // the place of each value in the order of commits; 0 for one that did not commit
	Commits uint8
	Replica uint8 // commits that the replica has

	Lock    uint8            // who holds the lock of the key
	Open    [processes]uint8 // who leads the open flight
	Readers [readers]Reader
	Writers [writers]Writer
	Events  uint8 // published and not yet delivered, one bit per writer
	Late    Command

	Acked, Seen uint8 // ranks
	Dirty       uint8 // values that were returned before they were committed, one bit each
}

// newer is above every rank: a value that is not committed is not old.
const newer = values + 1

func (s *State) rank(v uint8) uint8 {
	if v > 0 && s.Rank[v] == 0 {
		return newer
	}
	return s.Rank[v]
}

// at returns the value that was the n-th to be committed.
func (s *State) at(n uint8) uint8 {
	for v := uint8(1); v < values; v++ {
		if n > 0 && s.Rank[v] == n {
			return v
		}
	}
	return 0
}

// retire gives up the stamp of reader i: whatever bears it is now nobody's.
func (s *State) retire(i int) {
	mine, now := uint8(i+1), orphan
	if s.Late.Stamp == mine {
		s.Late.Stamp, now = lateStamp, lateStamp
	}
	s.rename(mine, now)
}

func (s *State) rename(from, to uint8) {
	for _, r := range []*Record{&s.Cache, &s.Before} {
		if r.Stamp == from {
			r.Stamp = to
		}
	}
}
