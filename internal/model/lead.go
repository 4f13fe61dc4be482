package model

// lead takes the steps that a flight goes through.
func (w *world) lead(s *State, i int, to emit) {
	switch me := s.Readers[i]; me.At {
	case again:
		w.join(s, i, to)
	case first:
		w.load(s, i, asking, to)
	case asking:
		w.request(s, i, to)
	case asked:
		w.answered(s, i, to)
	case closed:
		w.fill(s, i, to)
	case filled:
		w.verdict(s, i, to)
	case bare:
		n := *s
		before := beforeLoad
		if w.rules.ShareBare {
			before = beforeEnd
		}
		wrong := w.finish(&n, i, me.Value, before)
		to(n, Step{who: readerName(i), what: "ends its flight with", value: me.Value, valued: true}, wrong)
	case broken:
		w.release(s, i, to)
	default: // it waits
	}
}

// stamp is what reader i has on its lease.
func (w *world) stamp(i int) uint8 {
	if w.rules.OneStamp {
		return processStamp + uint8(process(i))
	}
	return uint8(i + 1)
}

// request asks for the lease. Whoever is in the flight now has come before the question.
func (w *world) request(s *State, i int, to emit) {
	was := *s
	was.retire(i) // it asks under a new number each time
	was.mark(i, beforeAsk)
	me := was.Readers[i]
	c := Command{Op: opAsk, Who: uint8(i), Stamp: w.stamp(i)}
	if me.Alone {
		c.Op = opRefresh
	}
	if me.Alone && w.rules.RefreshAnyway {
		was.Readers[i].At, was.Readers[i].Reply = asked, granted
		to(was, Step{who: readerName(i), what: "goes on without a claim"}, 0)
		return
	}
	w.twice(&was, c, func(n State, reply, v uint8, late bool) {
		r := &n.Readers[i]
		r.At, r.Reply = asked, reply
		if !w.rules.LoadFirst || reply == found {
			r.Value = v
		}
		step := Step{
			who: readerName(i), what: replyToAsk(reply), value: v, valued: reply == found, late: late,
		}
		to(n, step, 0)
	})
	if w.faults.has(Errors) && !s.Spent.has(Errors) {
		w.twice(&was, c, func(n State, _, _ uint8, late bool) {
			if !late {
				n.Spent |= Errors
				n.Readers[i].At, n.Readers[i].Reply = asked, failed
				to(n, Step{who: readerName(i), what: "asks for the lease", lost: true}, 0)
			}
		})
	}
}

// answered goes on with the reply to the question.
func (w *world) answered(s *State, i int, to emit) {
	me := s.Readers[i]
	switch {
	case me.Reply == granted && w.rules.LoadFirst && !me.Alone:
		n := *s
		n.Readers[i].At = loaded
		to(n, Step{who: readerName(i), what: "is told of its lease"}, 0)
	case me.Reply == granted:
		w.load(s, i, loaded, to)
	case me.Alone:
		n := *s
		n.retire(i)
		n.Readers[i] = Reader{At: done}
		to(n, Step{who: readerName(i), what: "gives up its refresh"}, 0)
	case me.Reply == found:
		n := *s
		before := beforeAsk
		if w.rules.ShareFound {
			before = beforeEnd
		}
		wrong := w.finish(&n, i, me.Value, before)
		to(n, Step{who: readerName(i), what: "ends its flight with the found", value: me.Value, valued: true}, wrong)
	case me.Reply == held:
		w.request(s, i, to)
		w.load(s, i, bare, to) // it has waited as long as a load may take
	default: // fenced, failed
		w.load(s, i, bare, to)
	}
}

// close shuts the flight before its fill is sent.
func (w *world) close(s *State, i int, to emit) {
	n := *s
	n.Readers[i].At = closed
	if w.rules.CloseLate {
		to(n, Step{who: readerName(i), what: "is about to fill"}, 0)
		return
	}
	n.shut(i)
	to(n, Step{who: readerName(i), what: "closes its flight"}, 0)
}

func (w *world) fill(s *State, i int, to emit) {
	me := s.Readers[i]
	c := Command{Op: opFill, Who: uint8(i), Stamp: w.stamp(i), Value: me.Value}
	if me.Alone && w.rules.RefreshAnyway {
		c.Op = opSet
	}
	w.twice(s, c, func(n State, reply, _ uint8, late bool) {
		n.Readers[i].At, n.Readers[i].Reply = filled, reply
		what := "fills"
		if reply == refused {
			what = "is refused its fill of"
		}
		step := Step{who: readerName(i), what: what, value: me.Value, valued: true, late: late}
		to(n, step, 0)
		if w.faults.has(Errors) && !s.Spent.has(Errors) && !late {
			n.Readers[i].Reply = failed
			n.Spent |= Errors
			step.lost = true
			to(n, step, 0)
		}
	})
	if w.faults.has(Errors) && !s.Spent.has(Errors) {
		n := *s
		n.Readers[i].At, n.Readers[i].Reply = filled, failed
		n.Spent |= Errors
		to(n, Step{who: readerName(i), what: "fails to fill"}, 0)
	}
}

// verdict ends the flight by the reply to its fill.
func (w *world) verdict(s *State, i int, to emit) {
	n := *s
	me := s.Readers[i]
	before := beforeEnd
	if me.Reply != accepted && !w.rules.ShareRefused {
		before = beforeLoad
	}
	wrong := w.finish(&n, i, me.Value, before)
	to(n, Step{who: readerName(i), what: "ends its flight with", value: me.Value, valued: true}, wrong)
}

// release gives the lease of a failed load back.
func (w *world) release(s *State, i int, to emit) {
	w.twice(s, Command{Op: opRelease, Who: uint8(i), Stamp: w.stamp(i)}, func(n State, _, _ uint8, late bool) {
		w.finishFailed(&n, i)
		to(n, Step{who: readerName(i), what: "releases its lease", late: late}, 0)
	})
}
