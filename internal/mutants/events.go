package mutants

// events are the rules of what carries invalidations.
func events() []Mutant {
	const pkg = "./invalidation"
	return []Mutant{
		one("an event is acknowledged though its delete failed", "./invalidation",
			"^TestApplyAcknowledgesNothingThatItHasNotDeleted$",
			"invalidation/apply.go", "left = store.FailedKeys(err, keys)", "left = nil"),
		one("all that deliver try a store that is down", "./invalidation", "^TestApplyWaitsForAStoreThatIsDown$",
			"invalidation/gate.go", "return g.failed >= openAfter", "return false"),
		one("a refused write is published", "./invalidation", "^TestAWriteThatIsRefusedPublishesNothing$",
			"invalidation/strategy.go", "if !ran {", "if !ran && false {"),
		one("keys that are not UTF-8 are altered", "./invalidation", "^TestKeysThatAreNotUTF8SurviveTheJSON$",
			"invalidation/wire.go", "return !utf8.ValidString(key)", "return !utf8.ValidString(key) && false"),
		one("the error of the write is why it is not invalidated", pkg,
			"^TestTheErrorOfAWriteIsNoReasonOfItsInvalidationError$",
			"writing.go", "if part = w.without(part); part != nil {", "if part != error(w.failed) {"),
		one("a clear is made once though replicas lag", pkg, "^TestClearEmptiesACacheAndOnceMoreAfterTheLagOfReplicas$",
			"invalidation/apply.go", "err != nil || a.opts.ReplicaLag <= 0", "err != nil || a.opts.ReplicaLag >= 0"),
		one("an event without keys has no parts", pkg, "^TestAnEventWithoutKeysIsItsOwnPart$",
			"invalidation/split.go", "if len(e.Keys) == 0 {", "if false {"),
		one("JSON that would name another key is taken", pkg, "^TestAnEventThatJSONWouldAlterIsRefused$",
			"invalidation/wire.go", "if !utf8.Valid(b) || halfPair(b) {", "if false {"),
		one("half of a surrogate pair is taken", pkg, "^TestAnEventThatJSONWouldAlterIsRefused$",
			"invalidation/wire.go", "if !utf8.Valid(b) || halfPair(b) {", "if !utf8.Valid(b) {"),

		one("a prefix in Redis is a pattern", redis, clause("ClearTakesAPrefixAsItIs"),
			"store/redisstore/clear.go", "`*`, `\\*`, ", ""),
		one("a bracket in a prefix in Redis is one of a pattern", redis, clause("ClearTakesAPrefixAsItIs"),
			"store/redisstore/clear.go", "`[`, `\\[`, ", ""),
		one("a backslash in a prefix in Redis is one of a pattern", redis, clause("ClearTakesAPrefixAsItIs"),
			"store/redisstore/clear.go", "`\\`, `\\\\`, ", ""),
		one("a clear in Redis looks at the first keys only", redis, clause("ClearReachesThousands"),
			"store/redisstore/clear.go", "if next == 0 {", "if true {"),
		one("a clear of memory lifts fences", "./store/memstore", "^TestContract$/^ClearLeavesFencesAndOtherKeys$",
			"store/memstore/clear.go", "return s.Lift(ctx, 0, 0, keys...)", "return s.Invalidate(ctx, keys...)"),
		one("a clear without a server succeeds", redis, "^TestABatchGoesToAllShardsOfARing$",
			"store/redisstore/clear.go", "asked.Load() == 0", "asked.Load() < 0"),
		one("a refused DEL of many is final", redis, "^TestAKeyThatMayNotBeDeletedDoesNotKeepOthers$",
			"store/redisstore/fence.go", "range s.delBy(ctx, 1, refused) {", "range s.delBy(ctx, 1, refused[:0]) {"),
		one("a detour forgets its client", redis, "^TestAHookThatAsksAnotherServerReachesThatOne$",
			"store/redisstore/hooks.go", "(*sending); ok && on.client == b.client {", "(*sending); ok {"),
	}
}
