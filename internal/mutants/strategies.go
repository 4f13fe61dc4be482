package mutants

// strategies are the rules of what surrounds a write.
func strategies() []Mutant {
	return []Mutant{
		one("a failed write invalidates nothing", ".", "^TestFailedWriteIsReturnedAsItIsAfterInvalidating$",
			"aside/strategy.go", "\tdefer func() {\n", "\tdefer func() {\n\t\tif err != nil {\n\t\t\treturn\n\t\t}\n"),
		one("all writers have one fence", "./aside", "^TestEachWriteHasAFenceOfItsOwn$",
			"aside/strategy.go", "rand.Uint64() | 1", "rand.Uint64()*0 | 1"),
		one("a fence is placed after the write", ".", "^TestNobodyReadsTheOldVersionAfterSomebodyReadTheNewOne$",
			"aside/strategy.go", "\tcase s.Fence > 0:\n", "\tcase s.Fence < 0:\n").inverts(),
		one("a cache with a fence deletes those of others", ".", "^TestEndOfOneWriteLeavesTheFenceOfAnother$",
			"aside/strategy.go", "if s.Fence > 0 || s.ReplicaLag > 0 {", "if s.ReplicaLag > 0 {"),
		one("probation is not asked for", ".", "^TestWhatIsReadWithinReplicaLagIsKeptNoLongerThanThat$",
			"aside/strategy.go", "inv.Lift(ctx, token, s.ReplicaLag, keys...)", "inv.Lift(ctx, token, 0, keys...)"),
		one("Strict writes all the same", ".", "^TestStrictRefusesBeforeTheWrite$",
			"aside/strategy.go", "err != nil && s.Strict {", "err != nil && s.Strict && s.Fence < 0 {"),

		one("a shorter delay brings a longer one forward", "./doubledelete",
			"^TestAShorterDelayDoesNotBringALongerOneForward$",
			"doubledelete/memory.go", "if at.After(it.at) {", "if at != it.at {"),
		one("the delay counts from the beginning of the write", "./doubledelete", "^TestTheDelayCountsFromTheEndOfTheWrite$",
			"doubledelete/strategy.go", "defer func() { scheduled = s.schedule(ctx, inv, keys) }()",
			"scheduled = s.schedule(ctx, inv, keys)"),
		one("a delayed delete takes the fences of others", "./doubledelete",
			"^TestDeletesBesideAFenceLeaveTheFencesOfOthers$",
			"doubledelete/strategy.go", "return r.Lift(ctx, 0, r.probation, keys...)",
			"return r.Invalidator.Invalidate(ctx, keys...)"),
		one("nothing is scheduled before the write", "./doubledelete",
			"^TestTheSchedulerIsToldBeforeTheWriteAndBeforeTheLastDelete$",
			"doubledelete/strategy.go", "\tif s.opts.Scheduler != nil {\n\t\t_ =", "\tif false {\n\t\t_ ="),
		one("a key scheduled twice keeps the last time", "./doubledelete/redisqueue",
			"^TestAKeyScheduledTwiceKeepsTheLaterTime$",
			"doubledelete/redisqueue/schedule.lua", "tonumber(before) < at", "true"),
		one("an old claim ends a new one", "./doubledelete/redisqueue", "^TestAnOldClaimsEndDoesNotEndThatOfAnother$",
			"doubledelete/redisqueue/settle.lua", "if score and tonumber(score) == tonumber(ARGV[1]) then", "if score then"),
		one("a claim that lapsed is not taken up", "./doubledelete/redisqueue", "^TestNothingIsLostWhenProcessesAreKilled$",
			"doubledelete/redisqueue/claim.lua", "ipairs(first(claimed, most))", "ipairs({})"),
	}
}
