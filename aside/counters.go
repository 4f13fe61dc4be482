package aside

import "sync/atomic"

// Counters count what a Reader did. Only the Reader writes them.
type Counters struct {
	Loads       atomic.Int64 // calls of the loader; one of many keys counts once
	LoadErrors  atomic.Int64 // of these, those that failed
	Overloads   atomic.Int64 // loads turned away because no slot came free
	Merged      atomic.Int64 // callers that joined another's flight in this process
	Waits       atomic.Int64 // flights that waited for another process's lease
	Refused     atomic.Int64 // fills refused because an invalidation came first
	Unfilled    atomic.Int64 // records loaded without a lease: fenced, store down, waited too long
	Refreshes   atomic.Int64 // background refreshes begun
	Corrupt     atomic.Int64 // records that could not be used
	Oversize    atomic.Int64 // values too large to store
	StoreErrors atomic.Int64 // failed operations of the store on the read path
}
