// Package store is the contract between a cache and the place where its records live.
//
// It has types and interfaces. store/redisstore keeps records in Redis, store/memstore in the process, and
// store/storetest states every clause below as a test that any implementation must pass.
//
// # One record per key, one stamp per record
//
// A key holds nothing, a value, a lease, a fence or a probation mark. A lease is the right to store the next
// value, and a [Stamp] is its name. The one rule: a fill names the stamp that it was granted and is stored only
// if the record still bears exactly that stamp. Every invalidation removes the record or changes its stamp, so
// a value that was read from the database before an invalidation cannot be stored after it. Absence is refusal:
// a lease that was evicted, flushed or has expired admits nothing.
//
// Leases are those of Nishtala et al., "Scaling Memcache at Facebook", NSDI 2013; the fence is a write intent
// in the manner of Ghandeharizadeh and Yap's IQ framework, Middleware 2014.
package store

import (
	"context"
	"time"
)

// Stamp names one lease, for ever: no two grants bear the same one.
//
// The nonce is drawn by the client for each request and the time is set by the server as it executes the grant.
// Both are needed. A client library that repeats a request after a time-out sends one nonce twice, and the
// first copy, held back by the network, may execute long after the second; it is then granted under another
// time, and whoever holds the first stamp cannot fill by it.
type Stamp struct {
	Nonce   uint64
	Granted int64 // microseconds since the epoch, on the store's clock
}

// IsZero reports whether s names no lease.
func (s Stamp) IsZero() bool { return s == Stamp{} }

// Kind says what a key holds.
type Kind uint8

// The kinds of record. A record of an unknown version or kind, one that is cut short, and a key that holds no
// string are Foreign: nothing that the cache may use, and not in the way of a lease.
const (
	Missing Kind = iota
	Value
	Lease
	Fence
	Probation
	Foreign
)

// Record is what a look-up found. Payload and Codec point into memory that the store shares between callers:
// they must not be written to.
type Record struct {
	Kind  Kind
	Stamp Stamp

	// What follows is set for values only.

	Absent   bool          // the source said that there is no such record
	Codec    []byte        // name of the codec that made Payload
	Born     int64         // milliseconds since the epoch, on the store's clock, of the grant under which it was loaded
	FreshFor time.Duration // from Born; 0 means as long as the store keeps it
	LoadCost time.Duration // how long the load took, to the millisecond, rounded up
	Claimed  time.Duration // from Stamp.Granted: until then a refresh is under way or held off; 0 means none
	Payload  []byte
}

// Mode says what a lease may be taken over.
type Mode uint8

const (
	// IfMissing asks for a lease where nothing usable is stored.
	IfMissing Mode = iota
	// Refresh asks to replace a value, which stays readable until it is filled. The claim is a new stamp on the
	// same record, so that an invalidation voids it, and the record's deadline is not moved. It is granted over
	// a value that bears Ask.Over (any value, if Over is zero) and no claim that still runs; where nothing is
	// stored it is an ordinary lease.
	Refresh
	// Discard asks for an ordinary lease in the place of a value that bears Ask.Over, because that value cannot
	// be used. Where another value stands it is as IfMissing.
	Discard
)

// Ask is one request for a lease.
type Ask struct {
	Key  string
	Mode Mode
	Over Stamp
	// Hold is how long a claim under Refresh runs if its holder neither fills nor releases it.
	Hold time.Duration
	// Term is how long an ordinary lease is to last, if that is longer than the time that the store sets. A batch
	// that takes longer to lease and to fill than that needs it.
	Term time.Duration
}

// Grant is the answer to an Ask.
type Grant struct {
	// Kind is what stands in the way, or Missing if the lease was granted.
	Kind Kind
	// Stamp is the stamp of the granted lease.
	Stamp Stamp
	// Record is the value that was found, if Kind is Value.
	Record Record
	// Lease is how long the granted lease lasts without Renew, or how long at most the lease or the fence in
	// the way will last if nothing happens to it.
	Lease time.Duration
	// OnProbation tells that an invalidation with probation came lately: what is filled by this lease is kept
	// no longer than the rest of that time, whatever the fill asks for.
	OnProbation bool
	// Err is why the store could not answer. The other fields are then empty.
	Err error
}

// Granted reports whether the caller holds the lease.
func (g Grant) Granted() bool { return g.Err == nil && g.Kind == Missing }

// Held is a lease in somebody's hands.
type Held struct {
	Key   string
	Stamp Stamp
	Term  time.Duration // for Renew: as in the Ask
}

// Fill is a value with the lease that entitles it.
type Fill struct {
	Held
	Absent   bool
	Codec    string
	Payload  []byte
	FreshFor time.Duration
	LoadCost time.Duration
	// TTL counts from the grant. Where it is over when the fill arrives, or not positive, nothing is stored and
	// the lease is given back; the verdict is the same as if it had been stored.
	TTL time.Duration
}

// Verdict is what became of a fill.
type Verdict struct {
	// Accepted reports that the record bore the stamp: no invalidation came between the grant and the fill. It
	// is the proof that a value may be shared, whether or not it was worth keeping.
	Accepted bool
	// Err is why the verdict is unknown. The fill may or may not have been executed.
	Err error
}

// Wake says why a waiter was woken.
type Wake uint8

const (
	// Changed means that the lease was filled, given back or otherwise ended, or may have been.
	Changed Wake = iota
	// Failed means that its holder's load failed.
	Failed
)

// Watch is a subscription to the end of leases on one key.
type Watch interface {
	// C delivers at most one wake-up that nobody has received yet. A wake-up may be lost, and one may come for
	// nothing: whoever waits looks again, and looks now and then in any case.
	C() <-chan Wake
	// Close ends the subscription. It must be called once.
	Close()
}

// Invalidator is what a write strategy sees of a store.
//
// Keys are handled independently. An error says that one key or more may not have been invalidated; if it is,
// or wraps, a *[KeysError], that names them, otherwise it may be any of them. An invalidation is idempotent and
// commutes with others, so that what was not acknowledged can be repeated at any time.
type Invalidator interface {
	// Invalidate removes whatever the keys hold, fences of other writers too.
	Invalidate(ctx context.Context, keys ...string) error
	// Fence marks keys as about to be written by the writer that token names. Until the fence is lifted or d is
	// over no lease is granted on them, and the records that they held are gone. Fences of several writers on
	// one key stand beside each other. Repeating it with the same token is harmless.
	Fence(ctx context.Context, token uint64, d time.Duration, keys ...string) error
	// Lift takes the fence of token away, and with it whatever else the keys hold, except for the fences of
	// other writers, which stay. A token that has no fence (zero never has one) makes it an invalidation that
	// respects fences. If probation is positive, what is filled within that time is kept no longer than to the
	// end of it.
	Lift(ctx context.Context, token uint64, probation time.Duration, keys ...string) error
}

// Clearer is a store that can invalidate all keys with a prefix.
type Clearer interface {
	// Clear invalidates every key that begins with prefix, but for fences, as Lift by a token that has none would do,
	// while others go on reading and writing. It looks at all keys of the store, which takes its time and costs readers
	// nothing. What held a record when it began is invalidated when it returns nil; what was made since belongs to a
	// load that has begun since. An empty prefix is refused.
	Clear(ctx context.Context, prefix string) error
}

// KeysError tells which keys an operation may not have reached.
type KeysError struct {
	Keys []string
	Err  error
}

func (e *KeysError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *KeysError) Unwrap() error { return e.Err }

// FailedKeys returns those of keys that err may be about, where an operation on keys has returned it: none if it is
// nil, those that it names if it is a *KeysError that does, or else all. What wraps a KeysError, or joins one to
// another error, may be about more than that one names.
func FailedKeys(err error, keys []string) []string {
	if err == nil {
		return nil
	}
	if named, ok := err.(*KeysError); ok && len(named.Keys) > 0 { //nolint:errorlint // joined, it is not all
		return named.Keys
	}
	return keys
}

// Store keeps records. All methods may be called concurrently. Those that take several keys use as few round
// trips as they can, answer for each key on its own, in the order asked, and have no limit on the number of
// keys other than memory. Keys within one call must differ.
type Store interface {
	Invalidator

	// Get looks one key up.
	Get(ctx context.Context, key string) (Record, error)
	// GetMany looks keys up. The error joins those of the keys that could not be looked up, which come back as
	// Missing; a nil error means that every answer is true.
	GetMany(ctx context.Context, keys []string) ([]Record, error)
	// Lease asks for leases. A lease that nobody renews lapses after a time that the store sets and Grant.Lease
	// tells. Finding another's lease leaves word with it that somebody waits.
	Lease(ctx context.Context, asks ...Ask) []Grant
	// Renew lets leases last for another full term from now. A lease that is gone, or that is a claim on a
	// value, is left alone.
	Renew(ctx context.Context, held ...Held) error
	// Fill stores values by their leases.
	Fill(ctx context.Context, fills ...Fill) []Verdict
	// Release gives leases back unfilled; one that is gone is left alone. Waiters are told whether the load
	// failed. A claim on a value ends at once, or, if the load failed, after one more lease time, so that a
	// source that is down is not tried without pause.
	Release(ctx context.Context, failed bool, held ...Held) error
	// Watch subscribes to the end of leases on key. It must be called before the Ask whose refusal is to be
	// waited out, or the wake-up may be missed.
	Watch(ctx context.Context, key string) (Watch, error)
}
