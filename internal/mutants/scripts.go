package mutants

// redis is the package of the store in Redis.
const redis = "./store/redisstore"

// clause is the test of one clause of the store's contract, in Redis.
func clause(name string) string { return "^TestStoreKeepsTheContract$/^" + name + "$" }

// script is a mutant of one script, which a clause holds.
func script(rule, test, file, old, broken string) Mutant {
	return one(rule, redis, clause(test), "store/redisstore/"+file, old, broken)
}

// scripts are the rules that Redis executes.
func scripts() []Mutant {
	return []Mutant{
		script("a fill needs no stamp", "AFillIsRefusedAfterInvalidate",
			"fill.lua", "if r.stamp ~= stamp then", "if false then").stale(),
		script("what is not there admits a fill", "AFillWithoutALeaseIsRefused",
			"fill.lua", "if r.stamp ~= stamp then", "if r.stamp and r.stamp ~= stamp then"),
		one("a stamp is the client's number alone", redis, "^TestALeaseRequestThatArrivesAfterADeleteAdmitsNoFill$",
			"store/redisstore/fill.lua", "if r.stamp ~= stamp then",
			"if not r.stamp or string.sub(r.stamp, 1, 8) ~= string.sub(stamp, 1, 8) then"),
		script("the TTL counts from the fill", "TTLCountsFromTheGrant",
			"fill.lua", "(ttl - math.max(0, now - number(stamp, 8, 8))) / 1000", "ttl / 1000"),
		script("a value outlives the probation", "ProbationBoundsFills",
			"fill.lua", "px(rest or left)", "px(left)"),
		script("a fill without a TTL keeps the lease", "AFillWithoutTTLGivesTheLeaseBack",
			"fill.lua", "  clear(r.probation)\n", ""),
		script("a fill that is not kept ends the probation", "ProbationOutlivesAFillThatIsNotKept",
			"fill.lua", "clear(r.probation)", "clear()"),

		script("a lease is granted under a fence", "NoLeaseIsGrantedUntilAFenceIsLifted",
			"lease.lua", "if r.kind == 'F' then", "if false then"),
		script("a lease has no end", "ALeaseLapsesInTheTimeThatTheGrantTells",
			"lease.lua", "stamp, 'PX', px(lease))", "stamp, 'PX', 3600000)"),
		script("a second asker takes the lease over", "ASecondAskerFindsTheLease",
			"lease.lua", "  return {'L', '', left, 0}\n", ""),
		script("a value gives way to a lease", "AValueStandsInTheWayOfALease",
			"lease.lua", "    return {'V', redis.call('GET', key), 0, 0}\n", ""),
		script("two may claim one value", "ARunningClaimIsNotGrantedAgain",
			"lease.lua", "claimed <= now and", ""),
		script("a claim names any value", "RefreshIsGrantedOverTheStampItNames",
			"lease.lua", "(over == r.stamp or over == string.rep('\\0', 16))", "true"),
		script("a claim prolongs the value", "AClaimKeepsTheDeadlineOfTheValue",
			"lease.lua", "    return {'', stamp, hold * 10, onProbation}",
			"    redis.call('PEXPIRE', key, 60000)\n    return {'', stamp, hold * 10, onProbation}"),
		script("a repair throws out whatever stands", "DiscardLeavesAnotherValue",
			"lease.lua", "if mode ~= '2' or over ~= r.stamp then", "if mode ~= '2' then"),
		one("a repeated request finds its own lease in the way", redis, "^TestARepeatedRequestIsGrantedTheSameLease$",
			"store/redisstore/lease.lua", "  if mine then\n", "  if false then\n"),

		script("a renewal prolongs another's lease", "RenewByAStrangerLeavesTheLease",
			"renew.lua", " or r.stamp ~= stamp then", " then"),
		script("a renewal makes a lease", "RenewBringsNothingBack",
			"renew.lua", "  return 0\n", "  redis.call('SET', key, '\\193L\\0\\0' .. stamp, 'PX', px(lease))\n  return 1\n"),
		script("a release takes another's lease", "ReleaseByAStrangerLeavesTheLease",
			"release.lua", "if r.stamp ~= stamp then", "if not r.stamp then"),
		script("a release ends the probation", "ProbationOutlivesAReleasedLease",
			"release.lua", "clear(r.probation)", "clear()"),
		script("a failed load is not told", "AWatcherIsToldThatTheLoadFailed",
			"release.lua", "failed and '0' or '1'", "'1'"),
		script("a failed refresh is tried again at once", "AFailedClaimIsHeldOffForOneLeaseTime",
			"release.lua", "if failed then", "if false then"),

		script("a lift takes the fences of others", "TheFirstWritersLiftLeavesTheSecondFence",
			"lift.lua", "if f.token ~= token then", "if false then"),
		script("a lift leaves no probation", "LiftOfTheLastFenceLeavesProbation",
			"lift.lua", "fence(others, now + probation)", "fence(others)"),
		script("a fence does not end", "TheFenceOfADeadWriterLapses",
			"fence.lua", "now + tonumber(ARGV[2])", "now + 60 * tonumber(ARGV[2])"),
		script("a fence leaves the value", "AFenceRemovesTheValue",
			"fence.lua", "local reply = fence(fences, r.probation)",
			"local reply = r.kind == 'V' and 1 or fence(fences, r.probation)"),
		script("a fence ends the probation", "ProbationOutlivesAFenceOverALease",
			"fence.lua", "fence(fences, r.probation)", "fence(fences)"),
		one("nobody is woken", redis, "^TestAWatcherInAnotherProcessIsWokenAtOnce$",
			"store/redisstore/prelude.lua", "redis.pcall(PUBLISH, key, why)", "return"),
	}
}
