package mutants

// writes are the rules of writing, and of repeating what failed.
func writes() []Mutant {
	return []Mutant{
		one("an invalidation ends with its caller", ".", "^TestInvalidationDoesNotEndWithItsCallersContext$",
			"invalidator.go", "WithTimeout(context.WithoutCancel(ctx), invalidateTimeout)\n\tdefer cancel()\n\treturn",
			"WithTimeout(ctx, invalidateTimeout)\n\tdefer cancel()\n\treturn"),
		one("an invalidation may take for ever", ".", "^TestInvalidationThatHangsIsBounded$",
			"invalidator.go", "invalidateTimeout = 5 * time.Second", "invalidateTimeout = 5 * time.Hour"),
		one("a failed invalidation is not told", ".", "^TestWriteWithoutInvalidationIsAnInvalidationErrorThatNamesTheKeys$",
			"update.go", "return errors.Join(w.cause(), ierr)", "_ = ierr\n\treturn w.cause()"),
		one("a failed invalidation is not repeated", ".", "^TestFailedInvalidationIsRepeatedUntilItSucceeds$",
			"retry.go", "if _, again := failed[key]; !again && r.waiting[key] == e {", "if r.waiting[key] == e {"),
		one("an attempt answers what failed after it began", ".",
			"^TestSuccessOfAnAttemptDoesNotAnswerAFailureThatCameMeanwhile$",
			"retry.go", "!again && r.waiting[key] == e {", "!again {"),
		one("retries have no bound", ".", "^TestRetryQueueIsBounded$",
			"retry.go", "if !ok && len(r.waiting) >= maxRetries {", "if !ok && len(r.waiting) < 0 {"),
		one("a retry forgets the fence", ".", "^TestRetryLiftsTheFenceThatWasLeft$",
			"retry.go", "now := &retry{until: r.end(), tokens: tokens}", "now := &retry{until: r.end()}"),
		one("retries never end", ".", "^TestRetryEndsWhenNoCopyCanBeAlive$",
			"retry.go", "if now.After(e.until) {", "if now.IsZero() {"),
		one("a panic of the write is a way around the retry", ".", "^TestPanicOfAWriteIsNoWayAroundTheRetry$",
			"update.go", "_ = c.retry.add(names, inv.tokens) // the panic", "// the panic"),
		one("Close does not wait", ".", "^TestCloseWaitsUntilInvalidationsAreDelivered$",
			"retry.go", "\tif running {\n\t\tselect", "\tif false {\n\t\tselect"),

		one("an earlier attempt ends a later entry", "./spool", "^TestAnEarlierAttemptDoesNotEndALaterEntry$",
			"spool/spool.go", "ok && at <= id {", "ok && at > 0 {"),
		one("numbers of the spool begin anew", "./spool", "^TestNumbersGoOnAfterARestart$",
			"spool/line.go", "s.last = max(s.last, id)", "_ = id"),
		one("the spool has no bound", "./spool", "^TestAFullSpoolSaysSoAndLosesNothing$",
			"spool/spool.go", "\tif full {\n", "\tif full && need < 0 {\n"),
		one("a retry that ends leaves its entry", ".", "^TestARetryThatIsFasterThanTheSpoolLeavesNothingThere$",
			"spool.go", "done = append(done, key)", "_ = done"),
		one("what an earlier process has left stays there", ".", "^TestTheNextCacheGoesOnWithWhatTheSpoolHas$",
			"cache.go", "\tc.retry.resume(c.prefix)\n", ""),
		one("a commit that fails invalidates nothing", "./aftercommit", "^TestACommitOfUnknownOutcomeInvalidatesEverything$",
			"aftercommit/tx.go", "\tdefer func() {\n\t\tctx, cancel",
			"\tdefer func() {\n\t\tif err != nil {\n\t\t\treturn\n\t\t}\n\t\tctx, cancel"),
	}
}
