// Package model explores the protocol of one key exhaustively: three readers in two processes, two writers, the
// database and Redis, in every interleaving, with and without faults. It shows that the lease protocol keeps what
// it promises, that each of its rules is needed, and how the usual ways to keep a cache true fail.
//
// Every command or script that Redis executes, the delivery of its reply, every read of the database, every commit
// and every local critical section is a step of its own. Three pairs are one step, because the state between the
// two adds no behaviour that could break a check which the pair keeps:
//
//   - A read starts with its GET, and a hit returns with it. Had the read started earlier, less would be asked of it;
//     had it returned later, less would be asked of others.
//   - A flight's mark is taken with the request or the load that follows it. Who joins between the two may not have
//     the result, just like who joins after both.
//   - A grant is delivered with the start of the load that it allows.
//
// Time is not modelled: a lease or a fence lapses at any moment where the fault allows it, which is worse than any
// clock. Stamps are named by who holds them, so that any number of leases needs no more states.
package model
