// Package etcdlock gives the locks of package lock by etcd, version 3.4 or later.
//
// A lock is a key with a lease of its own, and those who wait stand in line by the revision at which their keys were
// made; each is woken when the one before it goes. The fence is that revision, so that it grows over all locks of
// the cluster and survives its failovers, which lose nothing that was acknowledged.
//
// What it costs: taking a lock is three requests, four with TryLock, and letting go is two. Two of each are writes,
// which a majority must store. etcd counts leases in whole seconds, and grants none that is shorter than its own
// election takes (two seconds by default): a lock outlives a holder that died by up to that, though its holder is told
// by [lock.TTL].
package etcdlock
