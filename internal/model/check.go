package model

// Checks is a set of properties.
type Checks uint8

const (
	// G1: a read that starts after a write was acknowledged returns nothing older.
	G1 Checks = 1 << iota
	// QS: when no write, event or late command is under way, the cache holds nothing older than the database.
	// Readers may stop anywhere.
	QS
	// LC: a read that starts after a commit returns nothing older.
	LC
	// MR: a read that starts after another returned a version returns nothing older.
	MR
	// PH: a value whose write did not commit is never returned.
	PH
)

// All returns the checks in the order in which they are told.
func All() []Checks { return []Checks{G1, QS, LC, MR, PH} }

// String names one check.
func (c Checks) String() string {
	switch c {
	case G1:
		return "G1"
	case QS:
		return "QS"
	case LC:
		return "LC"
	case MR:
		return "MR"
	case PH:
		return "PH"
	default:
		return "several"
	}
}

// give hands v to reader i and reports what that breaks.
func (s *State) give(i int, v uint8) (broken Checks) {
	r := s.Readers[i]
	s.Readers[i] = Reader{At: done}
	if r.Alone {
		return 0
	}
	rank := s.rank(v)
	if rank == newer {
		s.Dirty |= 1 << v
		if s.Writers[v-1].Dead || s.Writers[v-1].Failed {
			return PH
		}
		return 0
	}
	if rank < r.Acked {
		broken |= G1
	}
	if rank < r.Commits {
		broken |= LC
	}
	if rank < r.Seen {
		broken |= MR
	}
	s.Seen = max(s.Seen, rank)
	return broken
}

// quiet reports whether nothing is under way that could still invalidate.
func (w *world) quiet(s *State) bool {
	for _, writer := range s.Writers {
		if writer.At > 0 && !w.finished(writer) {
			return false
		}
	}
	return s.Events == 0 && s.Late.Op == 0 && (!w.faults.has(Lag) || s.Replica == s.Commits)
}

// stale reports whether QS is broken.
func (w *world) stale(s *State) bool {
	c := s.Cache
	return c.Kind == value && c.Until == 0 && s.rank(c.Value) < s.Commits && w.quiet(s)
}
