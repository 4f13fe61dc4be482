package mutants

// locks are the rules of package lock.
func locks() []Mutant {
	hold := func(rule, test, file, old, broken string) Mutant {
		return one(rule, "./lock", "^"+test+"$", "lock/"+file, old, broken)
	}
	return []Mutant{
		hold("a fence follows the clock backwards", "TestAFenceGrowsThoughTheServersClockWentBack",
			"acquire.lua", "if fence <= last then fence", "if false then fence"),
		hold("anybody may unlock", "TestUnlockIsOnlyForWhoHoldsTheLock",
			"release.lua", "if state == 'r' or string.sub(v, 19) ~= ARGV[1] then return 0 end", ""),
		hold("anybody's renewal prolongs a lock", "TestAHolderIsToldWhenItsKeyIsGone",
			"renew.lua", " or string.sub(v, 19) ~= ARGV[1] then", " then"),
		hold("a lock has no end", "TestALockIsOneKeyWithALeaseAndGoneAfterUnlock",
			"acquire.lua", "'NX', 'PX', ARGV[2])", "'NX')"),
		hold("a repeated request finds its own lock held", "TestALostReplyToAcquireNeitherBlocksNorLosesTheLock",
			"acquire.lua", "if state ~= 'r' and owner == ARGV[1] then return state .. last end", ""),
		hold("a handover that is repeated is refused", "TestALostReplyToHandingOverHandsOverOnce",
			"handoff.lua", "if owner == ARGV[2] then return state .. last end", ""),
		hold("First is true again when it is repeated", "TestALostReplyToFirstIsNoDuplicate",
			"first.lua", "redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0", "0"),
		hold("who waits elsewhere is not told", "TestAWaiterElsewhereIsWokenWhenTheLockIsLetGo",
			"next.lua", "redis.call(sharded and 'SPUBLISH' or 'PUBLISH', KEYS[1], message)", "return message, sharded"),
		hold("a lock is not renewed", "TestALockIsRenewedAndNotAfterUnlock",
			"renew.go", "k.renewal.Reset(lease / 3)", "_ = lease"),
		hold("the end of a lease is told by Redis only", "TestAHolderIsToldAtTheEndOfItsLeaseThoughRedisDoesNotAnswer",
			"renew.go", "time.AfterFunc(time.Until(k.deadline), k.expire)", "time.AfterFunc(time.Hour, k.expire)"),
		hold("a lock that is lost keeps its process out", "TestOthersInTheProcessGetTheLockThatAHolderLostAndDoesNotUnlock",
			"renew.go", "\tk.tenure.vacate()\n", ""),
		hold("a process keeps the lock to itself", "TestAProcessDoesNotKeepTheLockToItself",
			"place.go", "maxStreak = 16", "maxStreak = 1 << 30"),
	}
}
