package kafkabus

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/cachet-go/cachet/invalidation"
)

// Headers of a dead letter, in addition to those of the message. Key and value are the message's own.
const (
	HeaderReason    = "cachet-reason"    // a Reason
	HeaderError     = "cachet-error"     // what it failed with; cut to 4 KiB
	HeaderTopic     = "cachet-topic"     // where the message was
	HeaderPartition = "cachet-partition" // the same
	HeaderOffset    = "cachet-offset"    // the same
	HeaderTime      = "cachet-time"      // the message's, RFC 3339
	HeaderGroup     = "cachet-group"     // who could not apply it
	// HeaderCut is there if the broker would not take the message with its value: how many bytes that had. It is left
	// out, and to be found where the message was, as long as that is kept. If that is not enough, the key and the headers
	// of the message are left out, too.
	HeaderCut = "cachet-cut"
)

const prefix = "cachet-"

// mostError bounds the text of an error in a header.
const mostError = 4 << 10

// letter returns what goes to the dead letters for a message.
func (s *Subscriber) letter(m invalidation.Message, at position, why Reason, err error) message {
	text := err.Error()
	if len(text) > mostError {
		text = text[:mostError]
	}
	l := message{topic: s.cfg.DeadLetters, key: m.Key, value: m.Value, headers: own(m)}
	for _, h := range []struct{ name, value string }{
		{HeaderReason, string(why)}, {HeaderError, text},
		{HeaderTopic, at.topic}, {HeaderPartition, strconv.Itoa(at.partition)},
		{HeaderOffset, strconv.FormatInt(at.offset, 10)},
		{HeaderTime, m.Time.UTC().Format(time.RFC3339Nano)}, {HeaderGroup, s.cfg.Group},
	} {
		l.headers = append(l.headers, kafka.Header{Key: h.name, Value: []byte(h.value)})
	}
	return l
}

// own returns the headers of a message without those of a dead letter, which may be of an earlier time.
func own(m invalidation.Message) []kafka.Header {
	var headers []kafka.Header
	for _, h := range m.Headers {
		if !strings.HasPrefix(h.Name, prefix) {
			headers = append(headers, kafka.Header{Key: h.Name, Value: h.Value})
		}
	}
	return headers
}

// position is where a message is.
type position struct {
	target

	offset int64
}

// mostCuts is how often a letter can be cut.
const mostCuts = 2

// cut returns l without its value or, the second time, with nothing but where its message was and why.
func cut(l message) message {
	l.cuts++
	if l.cuts == 1 {
		l.headers = append(l.headers, kafka.Header{Key: HeaderCut, Value: []byte(strconv.Itoa(len(l.value)))})
		l.value = nil
		return l
	}
	l.key = nil
	l.headers = slices.DeleteFunc(slices.Clone(l.headers), func(h kafka.Header) bool {
		return !strings.HasPrefix(h.Key, prefix)
	})
	return l
}
