// Package kafkabus carries invalidation events over Apache Kafka: a [Publisher] and a [Subscriber] on kafka-go, with a
// topic for what nobody can apply. It creates no topic by itself: see [EnsureTopics].
//
// # What is promised
//
// An event for which Publish has returned nil is on all in-sync replicas, and is delivered at least once: it is applied
// before its offset is committed. Where it cannot be applied, ever, its message goes to the dead letters, and only then
// does the partition go on. Where the log no longer has it, because nobody consumed for longer than the topic keeps
// its messages, [Config.OnGap] is told. Deliveries are repeated after a rebalance, a crash, a failed handler and a
// publisher's retry, which does no harm to what only deletes.
//
// Not promised: exactly once; an order across keys; an order at all when the number of partitions changes; or a bound
// on the delay. The TTL of what is cached stays the last line.
//
// # How it consumes
//
// The subscriber is a member of a consumer group and reads each partition that it is assigned in a loop of its own:
// fetch, decode, handle, and only then the next. Offsets are committed with the generation in which the partition was
// assigned, so that a member that has lost it cannot move the group's position. It heartbeats while a handler waits, so
// that an outage of the store is no reason to rebalance.
//
// Messages of transactions are delivered when they are written, not when the transaction ends, and even if it is
// aborted: one delete too many does no harm, and a transaction that hangs holds nothing up.
package kafkabus
