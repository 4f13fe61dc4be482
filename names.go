package cachet

import "hash/maphash"

// names are the names of a batch, each once. A map of them would cost more than all else that a hit of a batch costs
// besides the look-up and the codec.
type names struct {
	all   []string
	table []int32 // places in all, counted from one, by hash; a power of two in size, and never full
	seed  maphash.Seed
}

func newNames(most int) *names {
	size := 1
	for size < 2*most {
		size *= 2
	}
	return &names{all: make([]string, 0, most), table: make([]int32, size), seed: maphash.MakeSeed()}
}

// add returns the place of a name, and whether it is new.
func (n *names) add(name string) (place int, added bool) {
	mask := len(n.table) - 1
	at := int(maphash.String(n.seed, name)) & mask
	for ; n.table[at] != 0; at = (at + 1) & mask {
		if place := int(n.table[at]) - 1; n.all[place] == name {
			return place, false
		}
	}
	n.all = append(n.all, name)
	n.table[at] = int32(len(n.all))
	return len(n.all) - 1, true
}
