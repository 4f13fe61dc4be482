package mutants

// verification are the rules of Config.Verify.
func verification() []Mutant {
	return []Mutant{
		one("a copy that was replaced counts as inconsistent", ".", "^TestVerifyGivesAWriteItsTime$",
			"verifier.go", "if same || !ok || last != first {", "if same || !ok {"),
		one("a mismatch counts at once", ".", "^TestVerifyGivesAWriteItsTime$",
			"verifier.go", "time.NewTimer(v.cfg.Within)", "time.NewTimer(0)"),
		one("a claim makes a new copy", ".", "^TestVerifyKnowsACopyThatARefreshHasClaimed$",
			"aside/reader.go", "seen.Result, time.UnixMilli(rec.Born)", "seen.Result, time.UnixMicro(rec.Stamp.Granted)"),
		one("encodings are compared", ".", "^TestVerifyComparesValuesAndNotBytes$",
			"verify.go", "return reflect.DeepEqual(cached, source), nil", "return reflect.DeepEqual(cached, c), nil"),
		one("what is served past its TTL is compared", ".", "^TestVerifyCountsStaleHitsApart$",
			"verifier.go", "if stale {", "if false {"),
		one("those that agree take the place of those that differ", ".", "^TestVerifyWithNoRoomLeftJudgesNobody$",
			"verifier.go", "v.running >= maxComparisons", "v.running < 0"),
		one("a comparison's load has no slot", ".", "^TestVerifyIsBounded$",
			"verifier.go", "make(chan struct{}, cfg.MaxLoads)", "make(chan struct{}, 1<<10)"),
		one("a comparison outlives its cache", ".", "^TestCloseEndsVerification$",
			"verifier.go", "\tv.stop()\n", ""),
	}
}
