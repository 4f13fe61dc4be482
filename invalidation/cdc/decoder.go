package cdc

import (
	"fmt"
	"strings"
	"time"

	"github.com/cachet-go/cachet/invalidation"
)

// Decoder makes events of the messages of a connector. Debezium, Unwrapped, Canal and Maxwell make one. Its methods may
// be called concurrently.
type Decoder struct {
	parse   func(*Decoder, invalidation.Message) ([]Change, error)
	mapping Mapping
	tables  []*table
	names   map[string]*table // by name
	topics  map[string]*table // by topic, of those that say one
	counts  counters
}

func newDecoder(m Mapping, parse func(*Decoder, invalidation.Message) ([]Change, error)) (*Decoder, error) {
	if err := m.validate(); err != nil {
		return nil, err
	}
	d := &Decoder{parse: parse, mapping: m, names: make(map[string]*table), topics: make(map[string]*table)}
	for _, t := range m.Tables {
		c := t.compile()
		d.tables = append(d.tables, c)
		d.names[t.Name] = c
		if t.Topic != "" {
			d.topics[t.Topic] = c
		}
	}
	return d, nil
}

// Decode is an invalidation.Decoder: it returns an event for each change and cache, with the keys that the record had
// and has, and invalidation.Clear for changes of whole tables. There are none where the message tells of no row of a
// table of the mapping. Event.Time is that of the change, on the clock of the database, or else that of the message.
// Event.Origin is the name of the table.
//
// What is not a message of the format gives an error that wraps invalidation.ErrMalformed. Decode does not panic,
// unless Key.Text or Mapping.Report does.
func (d *Decoder) Decode(m invalidation.Message) ([]invalidation.Event, error) {
	d.counts.messages.Add(1)
	changes, err := d.parse(d, m)
	if err != nil {
		d.counts.malformed.Add(1)
		return nil, err
	}
	if len(changes) == 0 {
		d.counts.ignored.Add(1)
		return nil, nil
	}
	d.counts.changes.Add(int64(len(changes)))
	var events []invalidation.Event
	for i := range changes {
		c := &changes[i]
		if c.Time.IsZero() {
			c.Time = m.Time
		}
		events = d.add(events, c)
	}
	d.counts.events.Add(int64(len(events)))
	return events, nil
}

// Changes returns what m says, of any table, and changes no counter. It is for programs that want to know more than
// which keys to delete, and has none for heartbeats and the like. Its error is that of Decode.
func (d *Decoder) Changes(m invalidation.Message) ([]Change, error) { return d.parse(d, m) }

// add appends the events of a change.
func (d *Decoder) add(events []invalidation.Event, c *Change) []invalidation.Event {
	if c.Op == Truncate {
		return d.clear(events, c)
	}
	t := d.table(c)
	switch {
	case t == nil:
		d.counts.unmapped.Add(1)
		return events
	case c.Op == Read && !d.mapping.Snapshots:
		d.counts.snapshots.Add(1)
		return events
	}
	for i := range t.caches {
		keys := d.keys(t, &t.caches[i], c)
		if len(keys) == 0 {
			continue
		}
		e := invalidation.NewEvent(t.Name, keys...)
		stamp(&e, c)
		events = append(events, e.Split()...)
	}
	return events
}

// stamp has an event bear the time of its change.
func stamp(e *invalidation.Event, c *Change) {
	if !c.Time.IsZero() {
		e.Time = c.Time.UTC()
	}
}

// table returns the table of a change, or nil.
func (d *Decoder) table(c *Change) *table {
	var buf [128]byte
	name := buf[:0]
	if c.DB != "" && c.Schema != "" {
		name = append(append(name, c.DB...), '.')
	}
	full := len(name)
	switch {
	case c.Schema != "":
		name = append(append(name, c.Schema...), '.')
	case c.DB != "":
		name = append(append(name, c.DB...), '.')
	}
	name = append(name, c.Table...)
	if t := d.names[string(name)]; t != nil {
		return t
	}
	return d.names[string(name[full:])]
}

// topic returns the table to which a topic belongs, or nil.
func (d *Decoder) topic(topic string) *table {
	if t := d.topics[topic]; t != nil {
		return t
	}
	for rest, ok := topic, true; ok; _, rest, ok = strings.Cut(rest, ".") {
		if t := d.names[rest]; t != nil && t.Topic == "" {
			return t
		}
	}
	return nil
}

// malformed returns the error of a message that is not of the format. It has nothing of the message but what names its
// kind, as that ends in logs.
func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: cdc: %s", invalidation.ErrMalformed, fmt.Sprintf(format, args...))
}

// millis returns the time of a number of milliseconds; zero, if raw is no such number.
func millis(raw []byte) time.Time {
	n, ok := number(raw)
	if !ok || n <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// seconds returns the time of a number of seconds; zero, if raw is no such number.
func seconds(raw []byte) time.Time {
	n, ok := number(raw)
	switch {
	case !ok || n <= 0:
		return time.Time{}
	case n > 100_000_000_000: // Maxwell tells of DDL in milliseconds
		return time.UnixMilli(n)
	}
	return time.Unix(n, 0)
}

// number returns the integer that raw is, if it has at most 15 digits.
func number(raw []byte) (n int64, ok bool) {
	if len(raw) == 0 || len(raw) > 15 {
		return 0, false
	}
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int64(c-'0')
	}
	return n, true
}
