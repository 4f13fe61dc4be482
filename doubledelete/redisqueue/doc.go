// Package redisqueue keeps the delayed deletes of package doubledelete in Redis, where they survive the process that
// scheduled them. All processes that have a Queue of one name make them together.
//
// A delete that is due is claimed by one process. It is made once it is due and not before, on the clock of Redis
// alone: what the clocks of the processes say does not matter. A process that is alive makes it within about half a
// second. If the process dies, its claim lapses after 300 ms and another process makes the delete, so that one may
// be made more than once; that costs a load at most. A delete that fails is repeated, with pauses of up to a
// second, for as long as it fails.
//
// Needs Redis 5. The schedule is as durable as its Redis. One that evicts keys, or keeps nothing on disk, may lose
// it; one of its own, apart from the cache, need not. A failover may lose what was scheduled just before.
package redisqueue
