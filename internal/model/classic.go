package model

// Classic returns the strategies in common use, each under its usual name.
func Classic() []Strategy {
	return []Strategy{
		{
			Name: "update cache, then database", Careless: true, Program: []Op{opSet, opCommit, opAck},
			Keeps: []Claim{{PH, but(Crash | Rollback | Errors)}},
		},
		{
			Name: "update database, then cache", Careless: true, Program: []Op{opCommit, opSet, opAck},
			Keeps: []Claim{{PH, but(0)}},
		},
		{
			Name: "delete, then update", Careless: true, Program: []Op{opDel, opCommit, opAck},
			Keeps: []Claim{{PH, but(0)}},
		},
		{
			Name: "update, then delete", Careless: true, Program: []Op{opCommit, opDel, opAck},
			Keeps: []Claim{{PH, but(0)}},
		},
		{
			Name: "double delete, short delay", Careless: true,
			Program: []Op{opDel, opCommit, opDel, opAck, opDelayedDel},
			Keeps:   []Claim{{PH, but(0)}},
		},
		{
			Name: "double delete, long delay", Careless: true, LongDelay: true,
			Program: []Op{opDel, opCommit, opDel, opAck, opDelayedDel},
			Keeps:   []Claim{{QS, but(Crash | Rollback | Failover | Lag | Zombie | Errors)}, {PH, but(0)}},
		},
		{
			Name: "events that carry values", Values: true, Careless: true, Program: []Op{opCommitEvent, opAck},
			Keeps: []Claim{{PH, but(0)}},
		},
		{
			Name: "events that delete", Careless: true, Program: []Op{opCommitEvent, opAck},
			Keeps: []Claim{{PH, but(0)}},
		},
		{
			Name: "lock for readers", Miss: Locked, Careless: true, Program: []Op{opCommit, opDel, opAck},
			Keeps: []Claim{{MR, but(Expiry | Failover | Zombie | Errors)}, {PH, but(0)}},
		},
		{
			Name: "lock for all", Miss: Locked, Careless: true,
			Program: []Op{opLock, opCommit, opDel, opUnlock, opAck},
			Keeps: []Claim{
				{G1, but(Expiry | Failover | Lag | Zombie)},
				{QS, but(Expiry | Crash | Rollback | Failover | Lag | Zombie | Errors)},
				{MR, but(Expiry | Zombie)},
				{PH, but(0)},
			},
		},
		{
			Name: "version", Miss: Newer, Careless: true, Program: []Op{opCommit, opFloor, opAck},
			Keeps: []Claim{
				{G1, but(Eviction | Failover | Lag)},
				{QS, but(Eviction | Crash | Rollback | Failover | Errors)},
				{MR, but(Eviction | Failover | Errors)},
				{PH, but(0)},
			},
		},
		{
			Name: "client's lease, shared flight", Miss: Leased, Careless: true, Program: []Op{opCommit, opDel, opAck},
			Rules: Rules{OwnTime: true, CloseLate: true, ShareRefused: true, ShareFound: true},
			Keeps: []Claim{{QS, but(Crash | Rollback | Failover | Lag | Zombie | Errors)}, {PH, but(0)}},
		},
	}
}
