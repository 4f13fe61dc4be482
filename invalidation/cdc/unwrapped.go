package cdc

import (
	"bytes"
	"strings"

	"github.com/cachet-go/cachet/invalidation"
)

// Unwrapped returns the decoder of messages of Debezium that ExtractNewRecordState has made rows of. Those still in an
// envelope it takes as Debezium does. The table of a row is that to whose topic it came, or the one that __table with
// __schema or __db names (add.fields=table,schema).
//
// Such messages do not tell the row as it was. So a key whose columns are not in the primary key is incomplete for
// every change but an insert, which is one only if __op says so (add.fields=op). Nor do they tell of TRUNCATE, nor,
// with delete.tombstone.handling.mode=drop, of deletes. Prefer Debezium.
func Unwrapped(m Mapping) (*Decoder, error) {
	return newDecoder(m, func(d *Decoder, m invalidation.Message) ([]Change, error) { return d.debezium(m, true) })
}

// unwrapped returns the change that a row without an envelope tells of.
func (d *Decoder) unwrapped(m invalidation.Message, schema, payload []byte, e envelope) ([]Change, error) {
	r := Row{raw: payload, schema: schema}
	add := func(name string) string {
		if v := r.Column(name); v.State == Known {
			return v.Text
		}
		h, _ := m.Header(name)
		return string(bytes.Trim(h, `"`))
	}
	var c Change
	if t := d.topic(m.Topic); t != nil {
		c = t.change(Upsert, row(m.Key))
	} else {
		if e.aside(m) {
			return nil, nil
		}
		c = Change{DB: add("__db"), Schema: add("__schema"), Table: add("__table"), Op: Upsert, Key: row(m.Key), mixed: true}
		if c.Table == "" {
			c.Table = m.Topic
		}
	}
	c.After = r
	switch {
	case strings.EqualFold(add("__deleted"), "true") || add("__op") == "d":
		c.Op, c.Before, c.After = Delete, r, Row{}
	case add("__op") == "c":
		c.Op = Insert
	case add("__op") == "r":
		c.Op = Read
	case add("__op") == "u":
		c.Op = Update
	}
	ts := add("__source_ts_ms")
	if ts == "" {
		ts = add("__ts_ms")
	}
	c.Time = millis([]byte(ts))
	return []Change{c}, nil
}
