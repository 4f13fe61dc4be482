// Package cachet keeps copies of database records in Redis, and keeps them true.
//
// Wrap the reads of a repository in a [Cache] and its writes in [Cache.Update]:
//
//	products, err := cachet.New(redisstore.New(rdb, redisstore.Options{}), cachet.Config[int64, Product]{
//		Name: "product",
//		Load: repo.ProductByID,
//	})
//	p, err := products.Get(ctx, 42)
//	err = products.Update(ctx, 42, func(ctx context.Context) error { return repo.SetPrice(ctx, 42, 999) })
//
// # What is promised
//
// A Get that starts after an Update or Invalidate has returned nil never returns an older version of the
// record: in any process, under any interleaving of readers and writers, however long a load stalls. When
// nothing is in flight, no cached copy is older than the database. A version that never committed is never
// returned. Processes that miss a record at the same time make one load between them, while the store is up,
// unless a fence stands on it, the load fails or takes longer than LoadTimeout, or the value may not be stored.
//
// A store that is down makes reads slower, not wrong and not failing: records are loaded from the source,
// merged, and at most Config.MaxLoads at a time.
//
// With a fence (aside.Strategy.Fence), a Get that starts after another one returned a version never returns an
// older one, also while the write is still under way; and a writer that is killed between its commit and its
// invalidation leaves no stale copy, provided that it committed before its fence lapsed.
//
// # What is not promised
//
//   - The loader must read what is committed, in a read that begins after it was called: not from a snapshot that was
//     open before, nor from another cache. If it reads from a replica, set aside.Strategy.ReplicaLag.
//   - A writer that does not go through the cache is not noticed before the TTL, unless it publishes events or change
//     data capture tells of it (package invalidation). Any DEL of the key is a correct invalidation, from any program.
//   - A writer that dies between its commit and its invalidation, without a fence, leaves a copy
//     that is stale until TTL and StaleTTL are over. So does a Redis failover that loses an acknowledged DEL.
//   - Keys are independent. There are no snapshots over several.
//   - A fence or probation that is evicted, flushed or deleted protects no longer.
//   - [Cache.Prime] may store the old version of a record that is written meanwhile.
//
// # Packages
//
// Records live in store/redisstore, or in store/memstore for tests and for programs that run alone. The order of a
// write and its deletes is a [Strategy]: aside is the default, doubledelete deletes once more later, and invalidation
// publishes events, over Kafka by invalidation/kafkabus. aftercommit invalidates after the commit of a transaction,
// spool keeps failed invalidations on disk, and lock is mutual exclusion, which a cache does not need.
//
// The design, and each race with the test that holds it, is in docs/.
package cachet
