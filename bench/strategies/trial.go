package main

// trial is a set of faults that a strategy is put through.
type trial int

const (
	stalls  trial = iota // loaders stall between their query and the fill
	crashes              // and writers die around their commit, and deletes are lost
	lag                  // loaders stall, and read from a replica that lags
)

const trials = 3

func (t trial) String() string {
	return [trials]string{"loaders stall", "writers die", "the replica lags"}[t]
}

// Story is what the trial does, for the report.
func (t trial) Story() string {
	return [trials]string{
		"One load in ten stalls for up to 80 ms between its query and what it stores. Loaders read the primary, no " +
			"process dies and no command is lost: nothing goes wrong here that does not go wrong every day.",
		"As before. Also, one writer in a hundred is killed, half of them just before their commit and half of them just " +
			"after it, and one delete in a hundred that follows a commit does not reach Redis.",
		"As the first. But loaders read a replica that is behind the primary by up to 400 ms, a lag that changes twice a " +
			"second.",
	}[t]
}
