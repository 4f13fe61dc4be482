package history

import (
	"math/rand/v2"
	"time"

	"github.com/anishathalye/porcupine"
)

// The bounds of a window that porcupine looks at.
const (
	windowReads    = 200
	windowPatience = 2 * time.Second
)

// register is a register whose reads return what was written last. The input is the version that is written, or 0.
func register(initial uint32) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return initial },
		Step: func(state, input, output any) (bool, any) {
			if version := input.(uint32); version != 0 { //nolint:forcetypeassert // see operation
				return true, version
			}
			return state == output, state
		},
	}
}

func operation(process uint16, write, read uint32, call, end int64) porcupine.Operation {
	return porcupine.Operation{ClientId: int(process), Input: write, Output: read, Call: call, Return: end}
}

// Prove asks porcupine about n windows of keys from first to last, chosen at random around their commits. The keys
// must have been checked, and v is told. It knows nothing of how Check comes to its own verdict.
func (h *History) Prove(v *Verdict, dice *rand.Rand, first, last, n int) {
	for range n {
		key := first + dice.IntN(last-first)
		k := &h.Keys[key]
		if len(k.Commits) == 0 || len(k.Reads) == 0 {
			continue
		}
		from := k.Commits[dice.IntN(len(k.Commits))].Begin - 1 - dice.Int64N(int64(100*time.Millisecond))
		switch porcupine.CheckOperationsTimeout(register(k.committed(from)), k.window(from), windowPatience) {
		case porcupine.Ok:
			v.Proved++
		case porcupine.Unknown:
			v.Unknown++
		case porcupine.Illegal:
			v.Refuted++
			r := Read{Start: from, End: from + int64(time.Second)}
			note(&v.FirstInverted, Finding{key, r, "or something thereafter is not linearizable, says porcupine"})
		}
	}
}

// window returns the reads that began after from, a number of them, and the commits that they may have seen. To leave
// out reads that began before does no harm: a read changes nothing.
func (k *Key) window(from int64) []porcupine.Operation {
	var ops []porcupine.Operation
	last := from
	for _, r := range k.Reads {
		if r.Start <= from {
			continue
		}
		if len(ops) == windowReads {
			break
		}
		ops = append(ops, operation(r.Process, 0, r.Version, r.Start, r.End))
		last = max(last, r.End)
	}
	for _, c := range k.Commits {
		if c.End >= from && c.Begin <= last {
			ops = append(ops, operation(0, c.Version, 0, c.Begin, c.End))
		}
	}
	return ops
}
