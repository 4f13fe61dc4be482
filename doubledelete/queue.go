package doubledelete

import "time"

// item is a key that waits for its delayed delete.
type item struct {
	key   string
	at    time.Time
	index int // in the queue
}

// queue is a container/heap of items, the first due on top.
type queue []*item

func (q *queue) Len() int           { return len(*q) }
func (q *queue) Less(i, j int) bool { return (*q)[i].at.Before((*q)[j].at) }

func (q *queue) Swap(i, j int) {
	a := *q
	a[i], a[j] = a[j], a[i]
	a[i].index, a[j].index = i, j
}

func (q *queue) Push(x any) {
	it, _ := x.(*item)
	it.index = len(*q)
	*q = append(*q, it)
}

func (q *queue) Pop() any {
	last := len(*q) - 1
	it := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	return it
}
