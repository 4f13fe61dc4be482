package model

// Strategy is a way to keep the cache true: what a reader does on a miss, and what a writer does in what order.
type Strategy struct {
	Name       string
	Miss       Miss
	Program    []Op
	Refresh    bool // a reader that hits may refresh in the background
	ReplicaLag bool // a lift leaves a probation
	LongDelay  bool // the delayed delete comes after every load that began before the commit
	Values     bool // events carry the value, and delivery stores it
	Careless   bool // a failed write, or a failed command, ends the writer
	Rules      Rules
	// Keeps says which checks hold under which faults, all at once. Otherwise there is a counterexample.
	Keeps []Claim
}

// Claim says that a check holds whichever of some faults happen.
type Claim struct {
	Check Checks
	Under Faults
}

// Claims reports whether the strategy is said to keep a check under faults.
func (s Strategy) Claims(c Checks, f Faults) bool {
	for _, claim := range s.Keeps {
		if claim.Check == c && f&^claim.Under == 0 {
			return true
		}
	}
	return false
}

// Miss is how a reader goes on that found nothing.
type Miss uint8

// The ways to go on.
const (
	Store  Miss = iota // load, and store what was loaded
	Newer              // load, and store it unless a newer version is known
	Locked             // load and store under a lock
	Leased             // the lease protocol
)

// Rules are the rules of the lease protocol, each named by what is done instead. The zero Rules keep them all.
type Rules struct {
	FillAbsent      bool // a fill needs no lease if the key is missing
	FillAnyway      bool // a fill needs no lease
	OwnTime         bool // the stamp has no part of the server's
	OneStamp        bool // all leases of a process have the same stamp
	LoadFirst       bool // the load begins before the lease is granted
	CloseLate       bool // a flight closes when the fill is answered
	ShareRefused    bool // everybody in the flight may have a value whose fill was refused
	ShareFound      bool // everybody in the flight may have what the leader found stored
	ShareBare       bool // everybody in the flight may have what was loaded without a lease
	RefreshAnyway   bool // a refresh claims nothing, and its fill needs no claim
	ReleaseAnyway   bool // a failed load deletes what is on the key
	LeaseUnderFence bool // a lease is granted over a fence
	LiftAll         bool // a writer lifts the fences of all
	ForgetProbation bool // a fill on probation stays
	ForgetEnded     bool // a fill stays that was loaded on a probation which has ended meanwhile
}
