package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// fate is what happens to one write. The context of the write carries it, also into the store of the cache.
type fate struct {
	write      int64 // its number
	diesBefore bool  // the writer is killed when it is about to commit
	dies       bool  // the writer is killed after its commit

	losesDelete atomic.Bool // the next command to the cache that follows the commit is lost
	committed   atomic.Bool
	trips       atomic.Int64 // round trips to Redis
}

type fateKey struct{}

func fateOf(ctx context.Context) *fate {
	f, _ := ctx.Value(fateKey{}).(*fate)
	return f
}

var (
	errLost = errors.New("strategies: the command did not reach the cache")
	errDead = errors.New("strategies: the writer was killed")
)

// lost returns an error if the command that is about to be sent to the cache shall fail.
func lost(ctx context.Context) error {
	f := fateOf(ctx)
	if f != nil && f.committed.Load() && f.losesDelete.CompareAndSwap(true, false) { // a repeated attempt gets through
		return errLost
	}
	return nil
}

// The faults of a trial.
const (
	stallShare = 0.1                   // of the loads stall between their query and the fill
	stallMost  = 80 * time.Millisecond // for a time up to this
	deathShare = 0.01                  // of the writers die: half of them before their commit, half of them after it
	lostShare  = 0.01                  // of the deletes after a commit are lost
	lagMost    = 400 * time.Millisecond
	lagChange  = 500 * time.Millisecond // how often the lag of the replica is drawn anew
)

func (t trial) drawFate(r *rand.Rand, write int64) *fate {
	f := &fate{write: write}
	x, y := r.Float64(), r.Float64() // drawn in every trial, so that all have the same sequence
	if t == crashes {
		f.diesBefore, f.dies = x < deathShare/2, x >= deathShare/2 && x < deathShare
		f.losesDelete.Store(y < lostShare)
	}
	return f
}

func drawStall() time.Duration {
	if rand.Float64() >= stallShare { //nolint:gosec // a lottery
		return 0
	}
	return rand.N(stallMost) //nolint:gosec // the same
}
