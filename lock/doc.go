// Package lock is mutual exclusion across processes, by way of Redis, that tells the truth: who holds a lock is told
// when it is lost, gets a fencing token that a resource can check, and is never told of a loss that did not happen.
//
//	err := locker.Do(ctx, "order:17", func(ctx context.Context) error {
//		return pay(ctx, order) // ctx ends with cause ErrLost if the lock is lost
//	})
//
// A lock in Redis is a lease. It is renewed while it is held, but a process that stands still, a server that fails
// over or an operator who flushes it can end it early, and then two believe that they hold it. No lock service can
// rule that out for a process that may stop at any instant; so what must not happen twice is guarded where it happens:
// by [Lock.Fence], which grows with every holder, compared in the same transaction as the write.
//
// This is also why there is no Redlock, a majority over several servers, here. It assumes bounds on clocks, pauses and
// the network that nothing keeps, and yields no fence, so that it costs five servers and still needs the check at the
// resource that makes one server enough.
//
// What to expect when things go wrong:
//
//   - The holder's process dies: the lock is free when its lease ends.
//   - Redis does not answer: the holder keeps the lock until its lease ends by its own monotonic clock; then its
//     context ends with cause [ErrLost], whether or not Redis answers again. Calls that wait for the lock return the
//     client's error.
//   - A reply is lost: the repeated request finds what the first one did. Neither is a lock taken twice, nor its
//     release reported as a loss. If all repetitions fail, the lock may stand until its lease ends.
//   - FLUSHALL, eviction, a failover that lost the key: the holder is told at its next renewal, a third of the TTL
//     later at most. The next holder's fence is larger, being the server's time in microseconds if that is more than
//     the last one plus one. If the clock of the server that takes over is behind, fences are too small for as long as
//     that, and the resource refuses such writes.
//   - A waiting process dies: 30 ms are lost when its turn comes. A lost message costs tens of milliseconds if other
//     processes keep taking the lock, and at most two seconds if not.
//   - A client's clock jumps: nothing. No client's time is ever sent.
//
// Packages etcdlock, zklock and sqllock, modules of their own, give the same locks by other services: see [Over].
// Package locktest is what all of them must keep.
//
// Redis 5 or later, standalone, Sentinel or Cluster. A Ring is not supported: its keys move when a shard goes down.
//
// Not here: read and write locks, semaphores, reentrant locks. A lock held travels in the context, so [Locker.Do]
// within Do on the same key runs at once. For a hot key choose finer keys, such as "stock:17:3" for one segment of
// sixteen.
package lock
