package model

// Ablation is a strategy of ours with one rule broken.
type Ablation struct {
	Rule   string // what is done instead
	Breaks Checks
	Run    Run
}

// Ablations returns one for each rule of the protocol. The faults are those without which the rule would not be
// needed.
func Ablations() []Ablation {
	return []Ablation{
		{"a fill needs no lease if the key is missing", G1, ablate(Aside(), Rules{FillAbsent: true}, 0)},
		{"a fill needs no lease", G1, ablate(Aside(), Rules{FillAnyway: true}, 0)},
		{"the stamp has no part of the server's", G1, ablate(Aside(), Rules{OwnTime: true}, Zombie)},
		{"all leases of a process have one stamp", G1, ablate(Aside(), Rules{OneStamp: true}, 0)},
		{"the load begins before the lease is granted", G1, ablate(Aside(), Rules{LoadFirst: true}, 0)},
		{"a flight closes when its fill is answered", G1, ablate(Aside(), Rules{CloseLate: true}, 0)},
		{"a value whose fill was refused is shared", G1, ablate(Aside(), Rules{ShareRefused: true}, 0)},
		{"a value that the leader found is shared", G1, ablate(Aside(), Rules{ShareFound: true}, 0)},
		{"a value loaded without a lease is shared", G1, ablate(Fenced(), Rules{ShareBare: true}, 0)},
		{"a refresh claims nothing", G1, ablate(Aside(), Rules{RefreshAnyway: true}, 0)},
		{"a failed load deletes what is on the key", LC, ablate(Fenced(), Rules{ReleaseAnyway: true}, LoadFails)},
		{"a lease is granted over a fence", LC, ablate(Fenced(), Rules{LeaseUnderFence: true}, 0)},
		{"a lease is granted over a fence, and the writer dies", QS, ablate(Fenced(), Rules{LeaseUnderFence: true}, Crash)},
		{"a writer lifts the fences of all", LC, ablate(Fenced(), Rules{LiftAll: true}, 0)},
		{"a fill on probation stays", QS, ablate(Lagging(), Rules{ForgetProbation: true}, Lag)},
		{"a fill stays that was loaded on an ended probation", QS, ablate(Lagging(), Rules{ForgetEnded: true}, Lag)},
		{"no probation", QS, Run{Strategy: Aside(), Faults: Lag}},
		{"the key is deleted before the commit", G1, reorder(Aside(), opDel, opCommit, opAck)},
		{"the write is acknowledged before the delete", G1, reorder(Aside(), opCommit, opAck, opDel)},
		{"no fence, and the writer dies", QS, Run{Strategy: Aside(), Faults: Crash}},
		{"no fence", LC, Run{Strategy: Aside()}},
		{"the event is published after the commit", QS, with(reorder(Outbox(), opCommit, opPublish, opDel, opAck), Crash)},
		{"a failed write invalidates nothing", QS, careless(Rollback)},
		{"a failed delete is not repeated", QS, careless(Errors)},
	}
}

// ablate breaks a rule of the readers.
func ablate(s Strategy, r Rules, f Faults) Run {
	s.Rules = r
	return Run{Strategy: s, Faults: f}
}

// reorder breaks a rule of the writers.
func reorder(s Strategy, program ...Op) Run {
	s.Program = program
	return Run{Strategy: s}
}

func with(r Run, f Faults) Run {
	r.Faults = f
	return r
}

// careless has a writer give up at the first error.
func careless(f Faults) Run {
	s := Aside()
	s.Careless = true
	return Run{Strategy: s, Faults: f}
}
