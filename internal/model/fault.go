package model

import "strings"

// Faults is a set of faults.
type Faults uint16

// Expiry, Eviction and FenceExpiry may happen at any time and any number of times; each writer may die; of every
// other fault there is one per run.
const (
	Expiry      Faults = 1 << iota // a lease, or the lock, ends though its holder goes on
	Eviction                       // the key is evicted, flushed, or deleted by somebody else
	Crash                          // a writer dies
	Rollback                       // a write fails; it may have been committed all the same
	Duplicate                      // an event is delivered twice; in any order they always may be
	FenceExpiry                    // a fence ends though its writer goes on
	Failover                       // Redis forgets the last write to the key
	Lag                            // loaders read a replica of the database
	Zombie                         // a command that was sent twice: its first copy arrives late
	Errors                         // a command fails: it was executed, or not, and nobody knows
	LoadFails                      // a load fails
)

// Survivable are the faults that must never cost more than speed.
const Survivable = Expiry | Eviction | Crash | Rollback | Duplicate | FenceExpiry | Zombie | Errors | LoadFails

// Columns returns the faults of the matrix: none, each alone, and those that must be survived together.
func Columns() []Faults {
	return []Faults{
		0, Expiry, Eviction, Crash, Rollback, Duplicate, FenceExpiry, Failover, Lag, Zombie, Errors, LoadFails, Survivable,
	}
}

// String names the faults.
func (f Faults) String() string {
	if f == Survivable {
		return "all but failover and lag"
	}
	if f == 0 {
		return "none"
	}
	var names []string
	for one := Expiry; one <= LoadFails; one <<= 1 {
		if f.has(one) {
			names = append(names, one.name())
		}
	}
	return strings.Join(names, " and ")
}

// name names one fault.
func (f Faults) name() string {
	switch f {
	case Expiry:
		return "lease expiry"
	case Eviction:
		return "eviction"
	case Crash:
		return "writer crash"
	case Rollback:
		return "rollback"
	case Duplicate:
		return "duplicate event"
	case FenceExpiry:
		return "fence expiry"
	case Failover:
		return "failover"
	case Lag:
		return "replica lag"
	case Zombie:
		return "zombie command"
	case Errors:
		return "command error"
	default:
		return "load error"
	}
}

func (f Faults) has(fault Faults) bool { return f&fault != 0 }
