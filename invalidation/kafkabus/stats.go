package kafkabus

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Stats is a snapshot of what a Subscriber has done, and of where it stands.
type Stats struct {
	Messages     int64            // handled, including those that mean no event and those refused
	Events       int64            // handled
	Tombstones   int64            // of Messages: without a value
	DeadLetters  map[Reason]int64 // messages that went there
	Gaps         int64            // see Config.OnGap
	Redeliveries int64            // batches that were handled again because the handler failed
	Rebalances   int64            // times that partitions were assigned, the first among them
	Commits      int64
	CommitErrors int64 // commits that were refused or failed; what they covered is delivered again
	FetchErrors  int64
	Partitions   []Partition // those assigned now, by topic and number
}

// Partition is where a Subscriber stands in one of the partitions that it is assigned.
type Partition struct {
	Topic    string
	ID       int
	Position int64         // the next offset to handle
	Lag      int64         // messages between it and the end of the log, when last fetched
	Behind   time.Duration // age of the oldest message known and not handled; 0: none is known
	Fetched  time.Time     // when the broker last answered: alert on its age
	Handling time.Duration // how long the batch under way is being handled, or waits for the dead letters; 0: none is
}

// Lag returns the messages of all partitions that are not yet handled.
func (s Stats) Lag() int64 {
	var n int64
	for _, p := range s.Partitions {
		n += p.Lag
	}
	return n
}

// counters are what Stats shows.
type counters struct {
	messages, events, tombstones, gaps, redeliveries, rebalances, commits, commitErrors, fetchErrors atomic.Int64

	mu sync.Mutex
	// Guarded by mu.
	letters map[Reason]int64
	places  map[target]*place
}

func newCounters() *counters {
	return &counters{letters: make(map[Reason]int64), places: make(map[target]*place)}
}

// place is where a partition stands.
type place struct {
	position, lag, oldest, fetched, handling atomic.Int64 // times as UnixNano, 0: none
}

func (c *counters) assign(to target) *place {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := new(place)
	p.fetched.Store(time.Now().UnixNano())
	c.places[to] = p
	return p
}

// revoke forgets a partition, unless it has been assigned to another Subscribe since.
func (c *counters) revoke(to target, p *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.places[to] == p {
		delete(c.places, to)
	}
}

func (c *counters) dead(r Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.letters[r]++
}

func (c *counters) snapshot() Stats {
	s := Stats{
		Messages: c.messages.Load(), Events: c.events.Load(), Tombstones: c.tombstones.Load(), Gaps: c.gaps.Load(),
		Redeliveries: c.redeliveries.Load(), Rebalances: c.rebalances.Load(), Commits: c.commits.Load(),
		CommitErrors: c.commitErrors.Load(), FetchErrors: c.fetchErrors.Load(),
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	s.DeadLetters = maps.Clone(c.letters)
	for to, p := range c.places {
		s.Partitions = append(s.Partitions, Partition{
			Topic: to.topic, ID: to.partition, Position: p.position.Load(), Lag: p.lag.Load(),
			Behind: since(now, p.oldest.Load()), Fetched: time.Unix(0, p.fetched.Load()),
			Handling: since(now, p.handling.Load()),
		})
	}
	slices.SortFunc(s.Partitions, func(a, b Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	return s
}

func since(now time.Time, nanos int64) time.Duration {
	if nanos == 0 {
		return 0
	}
	return max(now.Sub(time.Unix(0, nanos)), 1)
}
