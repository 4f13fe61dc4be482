package model

// world is what does not change in a run: a strategy and the faults it is exposed to.
type world struct {
	strategy         Strategy
	rules            Rules
	faults           Faults
	readers, writers int // that take part
}

// emit takes a state that one step leads to, and what the step broke.
type emit func(next State, step Step, broken Checks)

// next takes every step that can be taken in s.
func (w *world) next(s *State, to emit) {
	for i := range w.readers {
		w.read(s, i, to)
	}
	for i := range w.writers {
		w.write(s, i, to)
	}
	w.deliver(s, to)
	w.strike(s, to)
}

// deliver brings events, the late command and the replica forward.
func (w *world) deliver(s *State, to emit) {
	for i := range writers {
		if s.Events&(1<<i) != 0 {
			w.event(s, i, to)
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
		to(n, Step{who: "the late command", what: c.Op.verb(), value: c.Value, valued: c.Op.valued()}, 0)
	}
	if w.faults.has(Lag) && s.Replica < s.Commits {
		n := *s
		n.Replica++
		to(n, Step{who: "the replica", what: "catches up to", value: n.at(n.Replica), valued: true}, 0)
	}
	// A probation is longer than the lag: it ends when the replica has what was committed before it began.
	if k := s.Cache; k.Until > 0 && k.Until != over && (!w.faults.has(Lag) || s.Replica >= k.Until-1) {
		n := *s
		switch k.Kind {
		case lease:
			n.Cache.Until = over
		case fence:
			n.Cache.Until = 0
		default:
			n.Cache = Record{}
		}
		to(n, Step{who: redis, what: "ends the probation"}, 0)
	}
}

// event delivers the event of writer i.
func (w *world) event(s *State, i int, to emit) {
	n := *s
	n.Events &^= 1 << i
	op, step := opDel, Step{who: eventName(i), what: opDel.verb()}
	if w.strategy.Values {
		op, step = opSet, Step{who: eventName(i), what: opSet.verb(), value: uint8(i + 1), valued: true}
	}
	w.send(&n, Command{Op: op, Who: writer(i), Value: uint8(i + 1)})
	to(n, step, 0)
	if w.faults.has(Duplicate) && !s.Spent.has(Duplicate) {
		n.Events |= 1 << i
		n.Spent |= Duplicate
		step.again = true
		to(n, step, 0)
	}
}

// strike has a fault happen that is nobody's step.
func (w *world) strike(s *State, to emit) {
	if w.faults.has(Eviction) && s.Cache.Kind != none {
		n := *s
		n.Cache = Record{}
		to(n, Step{who: redis, what: "evicts the key"}, 0)
	}
	if w.faults.has(Expiry) && s.Cache.Kind == lease {
		n := *s
		n.Cache.clear()
		to(n, Step{who: redis, what: "lets the lease lapse"}, 0)
	}
	if w.faults.has(Expiry) && s.Lock != 0 {
		n := *s
		n.Lock = 0
		to(n, Step{who: redis, what: "lets the lock lapse"}, 0)
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
		to(n, Step{who: fenceName(i), what: "lapses"}, 0)
	}
	if w.faults.has(Failover) && !s.Spent.has(Failover) && s.Before != s.Cache {
		n := *s
		n.Cache, n.Before = s.Before, Record{}
		n.Spent |= Failover
		to(n, Step{who: redis, what: "fails over and has lost the last write"}, 0)
	}
}

// twice sends a command, and where the fault allows it a second time: its first copy is still under way.
func (w *world) twice(s *State, c Command, then func(n State, reply, v uint8, late bool)) {
	n := *s
	reply, v := w.send(&n, c)
	then(n, reply, v, false)
	if w.faults.has(Zombie) && !s.Spent.has(Zombie) {
		n = *s
		n.Spent |= Zombie
		reply, v = w.send(&n, c)
		n.Late = c
		then(n, reply, v, true)
	}
}
