package kafkabus

import (
	"slices"
	"strings"
	"sync"

	"github.com/segmentio/kafka-go"
)

// balancer gives each partition to the member that has the fewest, over all topics, where those of kafka-go give the
// first partition of every topic to the first member. It remembers which partitions it gave away, when its member was
// the one to decide.
type balancer struct {
	mu    sync.Mutex
	given map[string]int // guarded by mu: partitions per topic; nil: another member decided
}

var _ kafka.GroupBalancer = (*balancer)(nil)

func (*balancer) ProtocolName() string { return "roundrobin" }

func (*balancer) UserData() ([]byte, error) { return nil, nil }

func (b *balancer) AssignGroups(members []kafka.GroupMember, parts []kafka.Partition) kafka.GroupMemberAssignments {
	members = slices.Clone(members)
	slices.SortFunc(members, func(a, b kafka.GroupMember) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(parts, func(a, b kafka.Partition) int {
		if a.Topic != b.Topic {
			return strings.Compare(a.Topic, b.Topic)
		}
		return a.ID - b.ID
	})
	all := make(kafka.GroupMemberAssignments, len(members))
	has := make(map[string]int, len(members))
	for _, m := range members {
		all[m.ID] = make(map[string][]int)
	}
	given := make(map[string]int)
	for _, p := range parts {
		given[p.Topic]++
		least := ""
		for _, m := range members {
			if slices.Contains(m.Topics, p.Topic) && (least == "" || has[m.ID] < has[least]) {
				least = m.ID
			}
		}
		if least == "" {
			continue // nobody wants it
		}
		has[least]++
		all[least][p.Topic] = append(all[least][p.Topic], p.ID)
	}
	b.mu.Lock()
	b.given = given
	b.mu.Unlock()
	return all
}

// take returns what was given away since it was last called, or nil if another member has decided.
func (b *balancer) take() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	given := b.given
	b.given = nil
	return given
}
