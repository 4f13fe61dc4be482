// Package zklock gives the locks of package lock by ZooKeeper, version 3.5.3 or later.
//
// A lock is an ephemeral sequential node, and those who wait stand in line by its number; each is woken when the one
// before it goes. The fence is the transaction at which the node was made (its czxid), so that it grows over all locks
// of the ensemble and survives its failovers, which lose nothing that was acknowledged. The parents of the nodes are
// containers, which the server removes when they are empty.
//
// The lease is the client's session. ZooKeeper tells a client that its session has ended only when it can, so a holder
// writes to its node every third of [lock.TTL], and believes that it has the lock until TTL after the last write that
// was answered. Nodes may be read and deleted by whoever can connect.
package zklock
