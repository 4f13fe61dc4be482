package model

// Op is what a command does to the key, or to its lock.
type Op uint8

// The scripts of the lease protocol, and what other strategies send.
const (
	_ Op = iota
	opAsk
	opRefresh
	opFill
	opRelease
	opFence
	opLift
	opDel
	opSet
	opSetNewer // if the key holds no newer version
	opFloor    // deletes, and leaves the version
	opLock
	opUnlock
	opCommit
	opCommitEvent // with an event in the same transaction
	opPublish
	opDelayedDel
	opAck
)

// Command is a command of one sender. Stamp and Value are its arguments.
type Command struct {
	Op    Op
	Who   uint8 // a reader, or a writer as readers+w
	Stamp uint8
	Value uint8
}

// Replies.
const (
	granted uint8 = 1 + iota
	found
	held
	fenced
	failed
	accepted
	refused
)

// send has Redis execute a command and returns its reply, and the value if that is found.
func (w *world) send(s *State, c Command) (reply, v uint8) {
	was := s.Cache
	reply, v = w.execute(s, c)
	if w.faults.has(Failover) && !s.Spent.has(Failover) && s.Cache != was {
		s.Before = was
	}
	return reply, v
}

func (w *world) execute(s *State, c Command) (reply, v uint8) {
	k := &s.Cache
	switch c.Op {
	case opAsk, opRefresh:
		return w.ask(s, c)
	case opFill:
		switch {
		case k.Stamp == c.Stamp && c.Stamp != 0, w.rules.FillAnyway, w.rules.FillAbsent && k.Kind == none:
		default:
			return refused, 0
		}
		switch {
		case w.rules.ForgetProbation, k.Until == over && w.rules.ForgetEnded:
			k.Until = 0
		case k.Until == over: // what was loaded on probation is not kept beyond it
			k.clear()
			return accepted, 0
		}
		*k = Record{Kind: value, Stamp: c.Stamp, Value: c.Value, Until: k.Until}
	case opRelease:
		if k.Stamp == c.Stamp && k.Kind == lease || w.rules.ReleaseAnyway {
			k.clear()
		}
	case opFence:
		*k = Record{Kind: fence, Fences: k.Fences | bit(c.Who), Until: k.rest()}
	case opLift:
		k.Fences &^= bit(c.Who)
		if w.rules.LiftAll {
			k.Fences = 0
		}
		until := uint8(0)
		if w.strategy.ReplicaLag {
			until = s.Commits + 1
		}
		*k = Record{Kind: fence, Fences: k.Fences, Until: until}
		if k.Fences == 0 {
			k.clear()
		}
	case opDel, opDelayedDel:
		*k = Record{}
	case opSet:
		*k = Record{Kind: value, Value: c.Value}
	case opSetNewer:
		if k.Kind == none || s.rank(c.Value) >= s.rank(k.Value) {
			*k = Record{Kind: value, Value: c.Value}
		}
	case opFloor:
		if k.Kind == none || s.rank(c.Value) > s.rank(k.Value) {
			*k = Record{Kind: floor, Value: c.Value}
		}
	case opLock:
		if s.Lock != 0 {
			return refused, 0
		}
		s.Lock = c.Who + 1
	case opUnlock:
		if s.Lock == c.Who+1 {
			s.Lock = 0
		}
	case opPublish:
		s.Events |= bit(c.Who)
	default: // Redis hears nothing of it
	}
	return accepted, 0
}

// ask is lease.lua.
func (w *world) ask(s *State, c Command) (reply, v uint8) {
	k := &s.Cache
	switch {
	case k.Kind == fence && !w.rules.LeaseUnderFence:
		return fenced, 0
	case k.Kind == lease && k.Stamp == c.Stamp:
		return granted, 0
	case k.Kind == lease:
		return held, 0
	case k.Kind == value && c.Op == opRefresh:
		k.Stamp = c.Stamp
		return granted, 0
	case k.Kind == value:
		return found, k.Value
	}
	*k = Record{Kind: lease, Stamp: c.Stamp, Until: k.Until}
	return granted, 0
}

// clear leaves nothing but what is left of a probation.
func (k *Record) clear() {
	*k = Record{Until: k.rest()}
	if k.Until > 0 {
		k.Kind = probation
	}
}

// rest is what is left of a probation.
func (k *Record) rest() uint8 {
	if k.Until == over {
		return 0
	}
	return k.Until
}

func bit(who uint8) uint8 { return 1 << (who - readers) }
