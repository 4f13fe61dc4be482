package model

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

// Columns are the faults of the matrix, each alone, after none at all.
var Columns = []Faults{
	0, Expiry, Eviction, Crash, Rollback, Duplicate, FenceExpiry, Failover, Lag, Zombie, Errors, LoadFails, Survivable,
}

var faultNames = map[Faults]string{
	0: "none", Expiry: "lease expiry", Eviction: "eviction", Crash: "writer crash", Rollback: "rollback",
	Duplicate: "duplicate event", FenceExpiry: "fence expiry", Failover: "failover", Lag: "replica lag",
	Zombie: "zombie command", Errors: "command error", LoadFails: "load error", Survivable: "all but failover and lag",
}

// String names a column.
func (f Faults) String() string { return faultNames[f] }

func (f Faults) has(fault Faults) bool { return f&fault != 0 }
