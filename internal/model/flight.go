package model

// Steps of a leader that a follower may have come before.
const (
	beforeAsk uint8 = 1 << iota
	beforeLoad
	beforeEnd
)

// join joins the open flight of the process, or leads one.
func (w *world) join(s *State, i int, to emit) {
	n := *s
	me := &n.Readers[i]
	open := &n.Open[process(i)]
	turnedAway := me.At == again
	if *open == 0 {
		*open = uint8(i + 1)
		me.At, me.Early = asking, 0
		if w.rules.LoadFirst {
			me.At = first
		}
		to(n, Step{who: readerName(i), what: "leads a flight"}, 0)
		return
	}
	me.At, me.Leader, me.Early = waiting, *open, 0
	if turnedAway { // it came before this flight was opened
		me.Early = beforeAsk | beforeLoad
	}
	to(n, Step{who: readerName(i), what: joining(*open)}, 0)
}

// mark notes that everybody in the flight of leader i came before a step.
func (s *State) mark(i int, step uint8) {
	for j := range s.Readers {
		if s.Readers[j].Leader == uint8(i+1) {
			s.Readers[j].Early |= step
		}
	}
}

// shut closes the flight of leader i to newcomers.
func (s *State) shut(i int) {
	if open := &s.Open[process(i)]; *open == uint8(i+1) {
		*open = 0
	}
}

// finish hands v to leader i and to those of its flight who came before a step.
func (w *world) finish(n *State, i int, v, before uint8) (wrong Checks) {
	n.shut(i)
	n.retire(i)
	wrong = n.give(i, v)
	for j := range n.Readers {
		f := &n.Readers[j]
		switch {
		case f.Leader != uint8(i+1):
		case f.Early&before != 0 || before == beforeEnd:
			wrong |= n.give(j, v)
		default:
			f.At, f.Leader, f.Early = again, 0, 0
		}
	}
	return wrong
}

// finishFailed ends the flight of leader i with an error for all.
func (w *world) finishFailed(n *State, i int) {
	n.shut(i)
	n.retire(i)
	n.Readers[i] = Reader{At: done}
	for j := range n.Readers {
		if n.Readers[j].Leader == uint8(i+1) {
			n.Readers[j] = Reader{At: done}
		}
	}
}
