package model

// world is what does not change in a run: a strategy and the faults it is exposed to.
type world struct {
	strategy Strategy
	rules    Rules
	faults   Faults
}

// emit takes a state that one step leads to, and what the step broke.
type emit func(next *State, step Step, broken Checks)

// next takes every step that can be taken in s.
func (w *world) next(s *State, to emit) {
	for i := range readers {
		w.read(s, i, to)
	}
	for i := range writers {
		w.write(s, i, to)
	}
	w.deliver(s, to)
	w.strike(s, to)
}

// deliver brings events, the late command and the replica forward.
func (w *world) deliver(s *State, to emit) {
	for i, pending := range s.Events {
		if !pending {
			continue
		}
		n := *s
		n.Events[i] = false
		op := opDel
		if w.strategy.Values {
			op = opSet
		}
		w.send(&n, Command{Op: op, Who: writer(i), Value: uint8(i + 1)})
		to(&n, Step{who: "the event of " + writerNames[i], what: eventVerbs[op], value: n.Cache.Value}, 0)
		if w.faults.has(Duplicate) && !s.Spent.has(Duplicate) {
			n.Events[i] = true
			n.Spent |= Duplicate
			to(&n, Step{who: "the event of " + writerNames[i], what: eventVerbs[op] + ", and will come again"}, 0)
		}
	}
	if s.Late.Op != 0 {
		n := *s
		c := s.Late
		n.Late = Command{}
		if (c.Op == opAsk || c.Op == opRefresh) && !w.rules.OwnTime {
			c.Stamp = orphan // the server's part is another
		}
		w.send(&n, c)
		n.rename(lateStamp, orphan)
		to(&n, Step{who: "the late command", what: lateVerbs[c.Op]}, 0)
	}
	if w.faults.has(Lag) && s.Replica < s.Commits {
		n := *s
		n.Replica++
		to(&n, Step{who: "the replica", what: "catches up to", value: n.at(n.Replica), valued: true}, 0)
	}
	// A probation is longer than the lag: it ends when the replica has what was committed before it began.
	if s.Cache.Until > 0 && (!w.faults.has(Lag) || s.Replica >= s.Cache.Until-1) {
		n := *s
		n.Cache.Until = 0
		if s.Cache.Kind == value || s.Cache.Kind == probation {
			n.Cache = Record{}
		}
		to(&n, Step{who: "Redis", what: "ends the probation"}, 0)
	}
}

// strike has a fault happen that is nobody's step.
func (w *world) strike(s *State, to emit) {
	if w.faults.has(Eviction) && s.Cache.Kind != none {
		n := *s
		n.Cache = Record{}
		to(&n, Step{who: "Redis", what: "evicts the key"}, 0)
	}
	if w.faults.has(Expiry) && s.Cache.Kind == lease {
		n := *s
		n.Cache.clear()
		to(&n, Step{who: "Redis", what: "lets the lease lapse"}, 0)
	}
	if w.faults.has(Expiry) && s.Lock != 0 {
		n := *s
		n.Lock = 0
		to(&n, Step{who: "Redis", what: "lets the lock lapse"}, 0)
	}
	for i, owner := range s.Writers {
		own := bit(writer(i))
		if s.Cache.Fences&own == 0 || !w.faults.has(FenceExpiry) && !w.finished(owner) {
			continue
		}
		n := *s
		n.Cache.Fences &^= own
		if n.Cache.Fences == 0 {
			n.Cache.clear()
		}
		to(&n, Step{who: "Redis", what: "lets the fence of " + writerNames[i] + " lapse"}, 0)
	}
	if w.faults.has(Failover) && !s.Spent.has(Failover) && s.Before != s.Cache {
		n := *s
		n.Cache, n.Before = s.Before, Record{}
		n.Spent |= Failover
		to(&n, Step{who: "Redis", what: "fails over and has lost the last write"}, 0)
	}
}

// twice sends a command, and where the fault allows it a second time: its first copy is still under way.
func (w *world) twice(s *State, c Command, then func(n *State, reply, v uint8, late bool)) {
	n := *s
	reply, v := w.send(&n, c)
	then(&n, reply, v, false)
	if w.faults.has(Zombie) && !s.Spent.has(Zombie) {
		n = *s
		n.Spent |= Zombie
		reply, v = w.send(&n, c)
		n.Late = c
		then(&n, reply, v, true)
	}
}
