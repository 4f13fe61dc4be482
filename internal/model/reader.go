package model

// place is where a reader stands in its Get.
type place uint8

const (
	idle place = iota
	missed
	loaded // and not yet stored
	locked
	unlocking
	done

	// Of the lease protocol.
	first  // loads before it asks, where that rule is broken
	asking // it leads a flight
	asked  // and the reply is on its way
	closed // and nobody can join
	filled // and the verdict is on its way
	bare   // it has loaded without a lease
	broken // its load failed
	waiting
	again // it may not have the result of the flight it was in
)

// read takes the steps of reader i. The two of the first process are alike, so the second starts after the first.
func (w *world) read(s *State, i int, to emit) {
	switch s.Readers[i].At {
	case idle:
		if i != 1 || s.Readers[0].At != idle {
			w.look(s, i, to)
		}
	case done:
	case missed:
		switch w.strategy.Miss {
		case Leased:
			w.join(s, i, to)
		case Locked:
			w.lock(s, i, to)
		case Store, Newer:
			w.load(s, i, loaded, to)
		}
	case locked:
		w.load(s, i, loaded, to)
	case loaded:
		if w.strategy.Miss == Leased {
			w.close(s, i, to)
		} else {
			w.store(s, i, to)
		}
	case unlocking:
		w.unlock(s, i, to)
	default:
		w.lead(s, i, to)
	}
}

// look starts a Get: it looks the key up, and returns what it finds.
func (w *world) look(s *State, i int, to emit) {
	n := *s
	n.Readers[i] = Reader{At: missed, Acked: s.Acked, Commits: s.Commits, Seen: s.Seen}
	if s.Cache.Kind != value {
		to(n, Step{who: readerName(i), what: "starts and misses"}, 0)
		return
	}
	v := s.Cache.Value
	step := Step{who: readerName(i), what: "starts and returns from the cache", value: v, valued: true}
	if w.faults.has(Errors) && !s.Spent.has(Errors) {
		n.Spent |= Errors
		to(n, Step{who: readerName(i), what: "starts and cannot reach the cache"}, 0)
		n.Spent = s.Spent
	}
	wrong := n.give(i, v)
	to(n, step, wrong)
	if w.strategy.Refresh {
		n.Readers[i] = Reader{At: asking, Alone: true}
		step.what = "starts, refreshes in the background, and returns from the cache"
		to(n, step, wrong)
	}
}

// load reads the database, or its replica. Whoever is in the flight now has come before the load began.
func (w *world) load(s *State, i int, then place, to emit) {
	n := *s
	me := &n.Readers[i]
	me.At, me.Value = then, s.Current
	what := "reads from the database"
	if w.faults.has(Lag) {
		me.Value = s.at(s.Replica)
		what = "reads from the replica"
	}
	n.mark(i, beforeLoad)
	to(n, Step{who: readerName(i), what: what, value: me.Value, valued: true}, 0)
	if w.faults.has(LoadFails) && !s.Spent.has(LoadFails) {
		n.Spent |= LoadFails
		w.failLoad(&n, i, then)
		to(n, Step{who: readerName(i), what: "fails to load"}, 0)
	}
}

// failLoad puts reader i where its load has failed.
func (w *world) failLoad(n *State, i int, then place) {
	me := &n.Readers[i]
	switch {
	case w.strategy.Miss == Locked:
		*me = Reader{At: unlocking}
	case then == loaded && w.strategy.Miss == Leased:
		me.At, me.Value = broken, 0
	case w.strategy.Miss == Leased:
		w.finishFailed(n, i)
	default:
		*me = Reader{At: done}
	}
}

// store stores what was loaded, and returns it.
func (w *world) store(s *State, i int, to emit) {
	me := s.Readers[i]
	c := Command{Op: opSet, Who: uint8(i), Value: me.Value}
	if w.strategy.Miss == Newer {
		c.Op = opSetNewer
	}
	then := func(n State, step Step) {
		wrong := n.give(i, me.Value)
		if w.strategy.Miss == Locked {
			n.Readers[i] = Reader{At: unlocking}
		}
		to(n, step, wrong)
	}
	w.twice(s, c, func(n State, _, _ uint8, late bool) {
		then(n, Step{who: readerName(i), what: "stores and returns", value: me.Value, valued: true, late: late})
	})
	if w.faults.has(Errors) && !s.Spent.has(Errors) {
		n := *s
		n.Spent |= Errors
		then(n, Step{who: readerName(i), what: "fails to store and returns", value: me.Value, valued: true})
	}
}

// lock takes the lock of the key, or looks once more.
func (w *world) lock(s *State, i int, to emit) {
	if s.Lock != 0 {
		if s.Cache.Kind == value {
			n := *s
			wrong := n.give(i, s.Cache.Value)
			to(n, Step{who: readerName(i), what: "looks again and returns", value: s.Cache.Value, valued: true}, wrong)
		}
		return
	}
	w.twice(s, Command{Op: opLock, Who: uint8(i)}, func(n State, _, _ uint8, late bool) {
		n.Readers[i].At = locked
		to(n, Step{who: readerName(i), what: opLock.verb(), late: late}, 0)
	})
}

func (w *world) unlock(s *State, i int, to emit) {
	w.twice(s, Command{Op: opUnlock, Who: uint8(i)}, func(n State, _, _ uint8, late bool) {
		n.Readers[i] = Reader{At: done}
		to(n, Step{who: readerName(i), what: opUnlock.verb(), late: late}, 0)
	})
}
