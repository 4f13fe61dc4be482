package kafkabus

import "fmt"

// Gap is messages of a partition that the subscriber was to deliver and that are gone: the log was truncated under it,
// as a rule because nobody consumed for longer than the topic's retention. What they told of was not applied.
type Gap struct {
	Topic     string
	Partition int
	// From is the first offset that is missing, and To the one with which the subscriber goes on. To is not above From
	// if the log ends before From: the topic was made anew, or a broker that had not all of it became its leader. Then
	// what is there is delivered from the beginning.
	From, To int64
}

func (g Gap) String() string {
	if g.To <= g.From {
		return fmt.Sprintf("%s/%d: the log ends before offset %d", g.Topic, g.Partition, g.From)
	}
	return fmt.Sprintf("%s/%d: messages %d to %d are gone", g.Topic, g.Partition, g.From, g.To-1)
}
