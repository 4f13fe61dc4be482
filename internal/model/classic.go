package model

// Classic are the strategies in common use, each under its usual name.
var Classic = []Strategy{
	{
		Name: "update cache, then database", Careless: true, Program: []Op{opSet, opCommit, opAck},
	},
	{
		Name: "update database, then cache", Careless: true, Program: []Op{opCommit, opSet, opAck},
	},
	{
		Name: "delete, then update", Careless: true, Program: []Op{opDel, opCommit, opAck},
	},
	{
		Name: "update, then delete", Careless: true, Program: []Op{opCommit, opDel, opAck},
	},
	{
		Name: "double delete, short delay", Careless: true,
		Program: []Op{opDel, opCommit, opDel, opAck, opDelayedDel},
	},
	{
		Name: "double delete, long delay", Careless: true, LongDelay: true,
		Program: []Op{opDel, opCommit, opDel, opAck, opDelayedDel},
	},
	{
		Name: "events that carry values", Values: true, Careless: true, Program: []Op{opCommitEvent, opAck},
	},
	{
		Name: "events that delete", Careless: true, Program: []Op{opCommitEvent, opAck},
	},
	{
		Name: "lock for readers", Miss: Locked, Careless: true, Program: []Op{opCommit, opDel, opAck},
	},
	{
		Name: "lock for all", Miss: Locked, Careless: true,
		Program: []Op{opLock, opCommit, opDel, opUnlock, opAck},
	},
	{
		Name: "version", Miss: Newer, Careless: true, Program: []Op{opCommit, opFloor, opAck},
	},
	{
		Name: "client's lease, shared flight", Miss: Leased, Careless: true, Program: leaseProgram,
		Rules: Rules{OwnTime: true, CloseLate: true, ShareRefused: true, ShareFound: true},
	},
}
