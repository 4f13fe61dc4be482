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
	// Keeps says which checks hold, and under which faults. Under any other, and for a check that is not here,
	// there is a counterexample.
	Keeps map[Checks]Faults
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
	ForgetProbation bool // a fill under probation stays
}

// any fault but those given.
func but(f Faults) Faults { return (Survivable | Failover | Lag) &^ f }

// The lease protocol, with each of its strategies.
var (
	leaseProgram  = []Op{opCommit, opDel, opAck}
	fenceProgram  = []Op{opFence, opCommit, opLift, opAck}
	lagProgram    = []Op{opCommit, opLift, opAck}
	outboxProgram = []Op{opCommitEvent, opDel, opAck}

	// Aside is aside.Strategy{}.
	Aside = Strategy{
		Name: "aside", Miss: Leased, Refresh: true, Program: leaseProgram,
		Keeps: map[Checks]Faults{G1: but(Failover | Lag), QS: but(Failover | Lag | Crash), PH: but(0)},
	}
	// Fenced is aside.Strategy{Fence: d}.
	Fenced = Strategy{
		Name: "aside, Fence", Miss: Leased, Refresh: true, Program: fenceProgram,
		Keeps: map[Checks]Faults{
			G1: but(Failover | Lag), QS: but(Failover | Lag | FenceExpiry | Eviction),
			LC: but(Failover | Lag | FenceExpiry | Eviction | Errors),
			MR: but(Failover | Lag | FenceExpiry | Eviction | Errors), PH: but(0),
		},
	}
	// Lagging is aside.Strategy{ReplicaLag: d}.
	Lagging = Strategy{
		Name: "aside, ReplicaLag", Miss: Leased, Program: lagProgram, ReplicaLag: true,
		Keeps: map[Checks]Faults{G1: but(Failover | Lag), QS: but(Failover | Crash), PH: but(0)},
	}
	// Outbox is invalidation.Strategy{Eager: true} with the event in the transaction.
	Outbox = Strategy{
		Name: "aside, outbox", Miss: Leased, Program: outboxProgram,
		Keeps: map[Checks]Faults{G1: but(Failover | Lag), QS: but(Failover | Lag), PH: but(0)},
	}
)

// Ours are the strategies of cachet.
var Ours = []Strategy{Aside, Fenced, Lagging, Outbox}
