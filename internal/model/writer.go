package model

// writer returns the sender's number of a writer.
func writer(i int) uint8 { return uint8(readers + i) }

func (w *world) finished(writer Writer) bool {
	return writer.Dead || int(writer.At) >= len(w.strategy.Program)
}

// write takes the steps of writer i. Writers are alike, so the second starts after the first.
func (w *world) write(s *State, i int, to emit) {
	me := s.Writers[i]
	if w.finished(me) || i > 0 && s.Writers[i-1].At == 0 {
		return
	}
	if w.faults.has(Crash) && me.At > 0 {
		n := *s
		n.Writers[i] = Writer{At: me.At, Dead: true}
		var broken Checks
		if n.Rank[i+1] == 0 && n.Dirty&(1<<(i+1)) != 0 {
			broken = PH
		}
		to(n, Step{who: writerName(i), what: "dies"}, broken)
	}
	switch op := w.strategy.Program[me.At]; op {
	case opCommit, opCommitEvent:
		w.commit(s, i, op, to)
	case opAck:
		n := *s
		n.Writers[i].At++
		if !me.Failed {
			n.Acked = max(n.Acked, n.Rank[i+1])
			to(n, Step{who: writerName(i), what: "is acknowledged"}, 0)
		} else {
			to(n, Step{who: writerName(i), what: "returns an error"}, 0)
		}
	case opDelayedDel:
		if !w.strategy.LongDelay || !s.oldLoads() {
			w.command(s, i, op, to)
		}
	default:
		w.command(s, i, op, to)
	}
}

// commit ends the writer's transaction.
func (w *world) commit(s *State, i int, op Op, to emit) {
	n := *s
	me := &n.Writers[i]
	me.At++
	if w.faults.has(Rollback) && !s.Spent.has(Rollback) {
		n.Spent |= Rollback
		w.fail(me)
		var broken Checks
		if n.Dirty&(1<<(i+1)) != 0 {
			broken = PH
		}
		to(n, Step{who: writerName(i), what: "rolls back"}, broken)
	}
	v := uint8(i + 1)
	n.Commits++
	n.Current, n.Rank[v] = v, n.Commits
	if op == opCommitEvent {
		n.Events |= 1 << i
	}
	if n.Spent != s.Spent {
		step := Step{who: writerName(i), what: "is told of an error, but has committed", value: v, valued: true}
		to(n, step, 0)
		n.Spent, *me = s.Spent, s.Writers[i]
		me.At++
	}
	to(n, Step{who: writerName(i), what: "commits", value: v, valued: true}, 0)
}

// fail is what a writer does after an error: a careless one gives back its lock, at most.
func (w *world) fail(me *Writer) {
	me.Failed = true
	if !w.strategy.Careless {
		return
	}
	for int(me.At) < len(w.strategy.Program) && w.strategy.Program[me.At] != opUnlock {
		me.At++
	}
}

// command has the writer send one command.
func (w *world) command(s *State, i int, op Op, to emit) {
	me := s.Writers[i]
	c := Command{Op: op, Who: writer(i), Value: uint8(i + 1)}
	w.twice(s, c, func(n State, reply, _ uint8, late bool) {
		if op == opLock && reply == refused {
			return // and tries again
		}
		n.Writers[i].At++
		step := Step{
			who: writerName(i), what: op.verb(), value: c.Value, valued: op.valued(), late: late,
		}
		to(n, step, 0)
		if !w.faults.has(Errors) || s.Spent.has(Errors) || late {
			return
		}
		step.lost = true
		n.Spent |= Errors
		w.missed(&n, i, me, op)
		to(n, step, 0)
	})
	if !w.faults.has(Errors) || s.Spent.has(Errors) {
		return
	}
	n := *s
	n.Spent |= Errors
	w.missed(&n, i, me, op)
	to(n, Step{who: writerName(i), what: op.failing()}, 0)
}

// missed is what a writer does that was refused a command, or not told of its success. Without its fence it writes
// all the same; an invalidation it repeats.
func (w *world) missed(n *State, i int, before Writer, op Op) {
	me := &n.Writers[i]
	switch {
	case w.strategy.Careless:
		w.fail(me)
		if me.At == before.At && op == opUnlock {
			me.At++
		}
	case op == opFence:
		me.At = before.At + 1
	default:
		me.At, me.Failed = before.At, true
	}
}

// oldLoads reports whether a reader holds something that is older than the database and not yet stored.
func (s *State) oldLoads() bool {
	for _, r := range s.Readers {
		if r.At == loaded && s.rank(r.Value) < s.Commits {
			return true
		}
	}
	return false
}
