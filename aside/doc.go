// Package aside is the cache-aside strategy: [Strategy] writes and then deletes, [Reader] reads, and loads what
// is missing under a lease.
//
// Applications use Strategy in cachet.Config and, in Hooks.Error, its error types, and nothing else of this
// package: cachet.Cache is the typed face of a Reader, which knows keys as strings and records as bytes.
//
// # How a read stays true
//
// A value is stored only under the stamp of a lease that was granted before its load began, and only if no
// invalidation has taken the lease away since. Within the process, callers who miss the same key share one
// flight, by this rule: a caller may have a flight's result only if the load began after the caller came, or
// the caller came before the fill was sent and the fill was accepted. The leader therefore closes the flight
// before it sends the fill, and a value that it finds stored when it asks for the lease goes to those who came
// before it asked.
package aside
