package model

import (
	"cmp"
	"hash/maphash"
)

// Run is one strategy under a set of faults.
type Run struct {
	Strategy         Strategy
	Faults           Faults
	Readers, Writers int    // that take part; 0: all
	Most             int    // states whose steps are taken; 0: all
	Stop             Checks // it ends when one of these is broken; 0: it goes on
}

// Result is what a run came to.
type Result struct {
	States   int
	Complete bool // every step of every state was taken
	// Found has the shortest interleaving that breaks each check which is broken.
	Found map[Checks][]Step
}

// Explore looks at the states in the order of their distance from the first, so that the first way to break a
// check is a shortest one.
func (r Run) Explore() Result {
	w := &world{
		strategy: r.Strategy, rules: r.Strategy.Rules, faults: r.Faults,
		readers: cmp.Or(r.Readers, readers), writers: cmp.Or(r.Writers, writers),
	}
	seen := newSet()
	seen.add(&State{}, 0)
	found := make(map[Checks]fall)
	stopped := false
	note := func(c Checks, f fall) {
		if _, known := found[c]; !known {
			found[c] = f
		}
		stopped = stopped || r.Stop&c != 0
	}
	res := Result{Complete: true, Found: make(map[Checks][]Step)}
	for at := 0; at < seen.len(); at++ { //nolint:intrange // it grows meanwhile
		if r.Most > 0 && at >= r.Most || stopped {
			res.Complete = false
			break
		}
		from := seen.states[at]
		if w.stale(&from) {
			note(QS, fall{at: at})
		}
		w.next(&from, func(n State, step Step, broken Checks) {
			seen.add(&n, at)
			for _, c := range All() {
				if broken&c != 0 {
					note(c, fall{at: at, step: step, stepped: true})
				}
			}
		})
	}
	res.States = seen.len()
	for c, f := range found {
		res.Found[c] = w.trace(seen, f)
	}
	return res
}

// fall is where a check was broken: in a state, or on a step from it.
type fall struct {
	at      int
	step    Step
	stepped bool
}

// trace goes back from a fall to the beginning, and finds the steps by taking them again.
func (w *world) trace(seen *set, f fall) []Step {
	path := []int{f.at}
	for at := f.at; at > 0; {
		at = int(seen.from[at])
		path = append(path, at)
	}
	var steps []Step
	for i := len(path) - 1; i > 0; i-- {
		from, target := seen.states[path[i]], seen.states[path[i-1]]
		taken := false
		w.next(&from, func(n State, step Step, _ Checks) {
			if !taken && n == target {
				steps, taken = append(steps, step), true
			}
		})
	}
	if f.stepped {
		steps = append(steps, f.step)
	}
	return steps
}

// set is a hash set of states, in the order in which they were added, with the state that each was reached from.
type set struct {
	states []State
	from   []uint32
	table  []uint32 // one more than an index into states; 0 is free
	seed   maphash.Seed
}

func newSet() *set { return &set{table: make([]uint32, 1<<12), seed: maphash.MakeSeed()} }

func (s *set) len() int { return len(s.states) }

func (s *set) add(n *State, from int) {
	at := s.find(n)
	if s.table[at] != 0 {
		return
	}
	s.states = append(s.states, *n)
	s.from = append(s.from, uint32(from))
	s.table[at] = uint32(len(s.states))
	if 2*len(s.states) > len(s.table) {
		s.table = make([]uint32, 4*len(s.table))
		for i := range s.states {
			s.table[s.find(&s.states[i])] = uint32(i + 1)
		}
	}
}

// find returns the place of n in the table, or the free one where it belongs.
func (s *set) find(n *State) int {
	mask := len(s.table) - 1
	at := int(maphash.Comparable(s.seed, *n)) & mask
	for s.table[at] != 0 && s.states[s.table[at]-1] != *n {
		at = (at + 1) & mask
	}
	return at
}
