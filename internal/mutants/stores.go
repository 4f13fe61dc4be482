package mutants

// stores are the rules that a store keeps in Go.
func stores() []Mutant {
	return []Mutant{
		{
			Rule: "a stamp names the client and not the lease", Stale: true,
			Package: redis, Test: clause("ASecondGrantDoesNotAdmitTheFirstStamp"),
			Edits: []Edit{
				{"store/redisstore/lease.go", "AppendUint64(nil, drawNonce())", "AppendUint64(nil, s.id())"},
				{
					"store/redisstore/lease.go", "// grant reads",
					"func (s *Store) id() uint64 { return uint64(uintptr(unsafe.Pointer(s))) }\n\n// grant reads",
				},
				{"store/redisstore/lease.go", `"time"`, "\"time\"\n\t\"unsafe\""},
				{
					"store/redisstore/fill.lua", "if r.stamp ~= stamp then",
					"if not r.stamp or string.sub(r.stamp, 1, 8) ~= string.sub(stamp, 1, 8) then",
				},
			},
		},
		one("a lift that is refused is an error and no DEL", redis, "^TestLiftDeletesWhereTheServerIsOutOfMemory$",
			"store/redisstore/fence.go", "(err); told {", "(err); told && false {"),
		one("a server that fails has nothing stored", redis, "^TestAServerThatDoesNotAnswerIsAnErrorAndNotAMiss$",
			"store/redisstore/get.go", "store.Record{}, err\n}\n\n// shared", "store.Record{}, nil\n}\n\n// shared"),
		one("a script is sent by its hash only", redis, "^TestAServerThatForgotTheScriptsIsToldThem$",
			"store/redisstore/scripts.go", `"NOSCRIPT"`, `"NOSUCH"`),
		one("a key of another type is an error", redis, "^TestAKeyOfAnotherTypeIsForeignAndNotInTheWay$",
			"store/redisstore/get.go", `HasErrorPrefix(err, "WRONGTYPE")`, `HasErrorPrefix(err, "OTHERTYPE")`),
		{
			Rule: "a look-up is joined while it is under way", Package: redis,
			Test: "^TestALookupIsNotSharedByWhoComesWhileItIsUnderWay$",
			Edits: []Edit{
				{
					"store/redisstore/crowd.go",
					"	c.queue = slices.Delete(c.queue, 0, 1)\n	clear(b.places)\n	c.spare, b.places = b.places, nil\n", "",
				},
				{
					"store/redisstore/crowd.go", "	if timeout, ok",
					"	c.queue = slices.Delete(c.queue, 0, 1)\n	if timeout, ok",
				},
			},
		},
		one("look-ups that nobody waits for are made", redis, "^TestNobodyIsAskedForThoseWhoHaveLeft$",
			"store/redisstore/crowd.go", "if b.waiting.Load() == 0 {", "if b.waiting.Load() < 0 {"),
		one("look-ups wait for ever behind slow ones", redis, "^TestALookupThatHasWaitedTooLongIsGivenUp$",
			"store/redisstore/crowd.go", "overdueIn = 2", "overdueIn = 2000"),
		one("a record that was cut short is read", "./internal/record", "^TestWhatIsCutShortIsForeign$",
			"internal/record/record.go", "len(b) < ValueHeader || len(b) < ValueHeader+int(b[3]) || b[3] > MaxCodec",
			"len(b) < ValueHeader"),

		one("a fill in memory needs a lease of any name", "./store/memstore",
			"^TestContract$/^ASecondGrantDoesNotAdmitTheFirstStamp$",
			"store/memstore/lease.go", "if !e.bears(f.Stamp) {", "if e == nil {"),
		one("the TTL in memory counts from the fill", "./store/memstore", "^TestContract$/^TTLCountsFromTheGrant$",
			"store/memstore/lease.go", "f.Stamp.Granted + micros(f.TTL)", "now + micros(f.TTL)"),
	}
}
