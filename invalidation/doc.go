// Package invalidation carries the news that records have changed to whoever keeps copies of them.
//
// A writer publishes an [Event] that names the keys of a record, and [Apply] deletes what it receives from a store. An
// event carries no values, so that delivering it twice, late or out of order does no harm. It is delivered at least
// once from the moment that [Publisher].Publish has returned nil, or that the transaction has committed in which
// outbox.Box.Add put it.
//
// Four packages stand around this one: kafkabus publishes to and consumes from Kafka, outbox puts events into the
// writer's own transaction, cdc makes events of what a database says it has committed, and bustest is the contract of
// a bus as tests, with a bus in memory.
//
// # What is promised
//
// An event that was acknowledged to its publisher is applied, or goes to the dead letters, or is reported as lost
// because the log no longer has it (kafkabus.Config.OnGap). Until it is applied a reader may have the old value, so
// [Strategy] without Eager acknowledges a write before all readers see it. With Eager, and for events that come in
// addition to an Update, the queue is the second line: it delivers what a process that died did not delete.
//
// Not promised: exactly once, an order across keys, or a bound on the delay. The TTL stays the last line.
package invalidation
