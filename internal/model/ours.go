package model

// Ours returns the strategies of cachet.
func Ours() []Strategy { return []Strategy{Aside(), Fenced(), Lagging(), Outbox()} }

// Aside is aside.Strategy{}.
func Aside() Strategy {
	return Strategy{
		Name: "aside", Miss: Leased, Refresh: true, Program: []Op{opCommit, opDel, opAck},
		Keeps: []Claim{{G1, but(Failover | Lag)}, {QS, but(Failover | Lag | Crash)}, {PH, but(0)}},
	}
}

// Fenced is aside.Strategy{Fence: d}. A failover must lose two writes to do harm, for the fence is one: if it loses the
// lift, the fence is back, and if it loses the fence, the lift is yet to come.
func Fenced() Strategy {
	return Strategy{
		Name: "aside, Fence", Miss: Leased, Refresh: true, Program: []Op{opFence, opCommit, opLift, opAck},
		Keeps: []Claim{
			{G1, but(Failover | Lag)},
			{G1, but(Lag | FenceExpiry | Eviction | Errors)},
			{QS, but(Failover | Lag | Crash)},
			{QS, but(Failover | Lag | FenceExpiry | Eviction | Errors)},
			{QS, but(Lag | FenceExpiry | Eviction | Errors | Crash)},
			{LC, but(Failover | Lag | FenceExpiry | Eviction | Errors)},
			{MR, but(Failover | Lag | FenceExpiry | Eviction | Errors)},
			{PH, but(0)},
		},
	}
}

// Lagging is aside.Strategy{ReplicaLag: d}.
func Lagging() Strategy {
	return Strategy{
		Name: "aside, ReplicaLag", Miss: Leased, Program: []Op{opCommit, opLift, opAck}, ReplicaLag: true,
		Keeps: []Claim{
			{G1, but(Failover | Lag)},
			{QS, but(Failover | Lag | Crash)},
			{QS, but(Failover | Crash | Eviction)},
			{PH, but(0)},
		},
	}
}

// Outbox is invalidation.Strategy{Eager: true} with the event in the transaction.
func Outbox() Strategy {
	return Strategy{
		Name: "aside, outbox", Miss: Leased, Program: []Op{opCommitEvent, opDel, opAck},
		Keeps: []Claim{{G1, but(Failover | Lag)}, {QS, but(Failover | Lag)}, {PH, but(0)}},
	}
}

// but is every fault except some.
func but(f Faults) Faults { return (Survivable | Failover | Lag) &^ f }
