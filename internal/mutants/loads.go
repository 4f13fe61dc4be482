package mutants

// loads are the rules of loading, and of waiting for another's load.
func loads() []Mutant {
	return []Mutant{
		{
			Rule: "leases are taken after the load", Package: ".",
			Test: "^TestABatchIsLeasedBeforeItIsReadAndFilledKeyByKey$",
			Edits: []Edit{
				{"aside/lead.go", "\tr.ask(jobs)\n}\n\n// proceed", "}\n\n// proceed"},
				{"aside/lead.go", "\tr.askAgain(jobs)\n", ""},
				{"aside/settle.go", "\t\tr.finish(ctx, jobs, loads,", "\t\tr.ask(jobs)\n\t\tr.finish(ctx, jobs, loads,"},
			},
		},
		one("a hook that panics leaves its flight behind", ".", "^TestAHookThatPanicsLeavesNoFlightBehind$",
			"aside/lead.go", "defer func() { go r.proceed(jobs, load) }()\n\tr.ask(jobs)",
			"r.ask(jobs)\n\tgo r.proceed(jobs, load)"),
		one("a lease is not renewed", ".", "^TestLoadSlowerThanALeaseIsStillTheOnlyOne$",
			"aside/settle.go", "r.observe(ctx, r.cfg.Store.Renew(ctx, held...))", "_ = held"),
		one("a failed load keeps its lease", ".", "^TestFailedLoadReachesAllWhoWaitAndLeavesTheKeyFree$",
			"aside/settle.go", "r.observe(ctx, r.cfg.Store.Release(ctx, !abandoned, failed...))", "_ = abandoned"),
		one("a panic of the loader is nobody's", ".", "^TestFailedLoadReachesAllWhoWaitAndLeavesTheKeyFree$",
			"value.go", "\t\tif p := recover(); p != nil {\n\t\t\tout = aside.Load{Err: raise(p)}\n\t\t}\n", ""),
		one("a loader that calls Goexit has loaded nothing", ".", "^TestFailedLoadReachesAllWhoWaitAndLeavesTheKeyFree$",
			"aside/settle.go", "loads := fail(jobs, ErrGoexit)", "loads := make([]Load, len(jobs))"),
		one("a panic of a batch is an empty map", ".", "^TestPanicOfABatchLoaderIsNoEmptyMap$",
			"value.go", "out[i] = aside.Load{Err: err}", "out[i] = aside.Load{Absent: err != nil}"),
		one("loads are not bounded", ".", "^TestMaxLoadsBoundsTheLoadsUnderWay$",
			"aside/reader.go", "semaphore.NewWeighted(int64(cfg.MaxLoads))", "semaphore.NewWeighted(1 << 40)"),
		{
			Rule: "a loader that hangs keeps its slot", Package: ".", Test: "^TestHungLoadersDoNotKeepTheirSlots$",
			Edits: []Edit{
				{"aside/settle.go", "\t\t\tr.stats.LoadErrors.Add(1)\n\t\t\trelease()\n", "\t\t\tr.stats.LoadErrors.Add(1)\n"},
				{"aside/settle.go", "time.AfterFunc(r.cfg.LoadTimeout, release)", "time.AfterFunc(24*time.Hour, release)"},
			},
		},
		one("a loader that hangs holds its callers", ".", "^TestLateResultOfAHungLoaderIsDropped$",
			"aside/settle.go", "attended := context.AfterFunc(ctx, end)", "attended := func() bool { return end == nil }"),

		one("nobody waits for another's load", ".", "^TestOneLoadServesTwoProcesses$",
			"aside/lead.go", "if j.grant.Kind != store.Lease || failed {", "if try >= 0 || failed {"),
		one("who waits hears of fills only", ".", "^TestTheLeaseOfADeadProcessIsWaitedOutOnce$",
			"aside/lead.go", "time.NewTimer(min(poll.Delay(try), j.grant.Lease+time.Millisecond))", "time.NewTimer(time.Hour)"),
		one("who waits for a failed load waits for the next", ".", "^TestNobodyWaitsForTheNextLoadAfterOneHasFailed$",
			"aside/lead.go", "failed = why == store.Failed", "_ = why"),
		one("Prime stores over what is known", ".", "^TestPrimeLeavesAloneWhatTheCacheKnows$",
			"aside/refresh.go", "asks[i].Key = k", "asks[i] = store.Ask{Key: k, Mode: store.Refresh}"),
	}
}
