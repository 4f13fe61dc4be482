// Package doubledelete is a write strategy that deletes once more, some time after the write: delete, write, delete,
// delete again.
//
// The delete after the write is what makes a read true, as it is with aside.Strategy. The delayed one takes away what
// came to be stored after it and should not have:
//
//   - A loader reads from a replica of the database. The replica lags by 300 ms; a read 100 ms after the write
//     stores the old record, under a lease that is perfectly good. The delete after a Delay of 500 ms ends it,
//     where otherwise the TTL would.
//   - A failover of Redis loses the delete, which the new primary had not been sent, and the old record is back.
//   - With a [Scheduler], the process is killed between its commit and its delete: the delayed delete was scheduled
//     before the write, and comes from another process.
//
// Until then the stale record is served, for as long as Delay, which counts from the last write of the record. A write
// costs two round trips, with a Scheduler four. aside.Strategy{ReplicaLag: d} bounds the first of these without a
// delayed delete; this strategy also covers the others.
package doubledelete
