package cdc

import (
	"slices"

	"github.com/cachet-go/cachet/invalidation"
)

// keys returns the keys in a cache of the record that a change is about: first those that it had, then those that it
// has and had not.
func (d *Decoder) keys(t *table, to *cache, c *Change) []string {
	var keys []string
	if c.Op == Update || c.Op == Delete || c.Op == Upsert {
		keys = d.side(keys, t, to, c, true)
	}
	if c.Op != Delete {
		keys = d.side(keys, t, to, c, false)
	}
	return keys
}

// side appends the keys that the record had, or those that it has.
func (d *Decoder) side(keys []string, t *table, to *cache, c *Change, old bool) []string {
	for _, k := range to.keys {
		text, ok := d.text(t, to, k, c, old)
		if !ok {
			continue
		}
		if name := to.prefix + text; !slices.Contains(keys, name) {
			keys = append(keys, name)
		}
	}
	return keys
}

// text returns the text of a key, or false if there is none or it cannot be known.
func (d *Decoder) text(t *table, to *cache, k *key, c *Change, old bool) (string, bool) {
	var buf [4]string
	values := buf[:0]
	missing := false
	for _, column := range k.Columns {
		v := c.old(column, t.Full)
		if !old {
			v = c.now(column)
		}
		switch v.State {
		case Known:
			values = append(values, v.Text)
		case Null:
			missing = true // and yet another column may be unknown, which is worth a report
		case Unknown, Unreadable:
			if c.echo {
				return "", false
			}
			d.incomplete(k, Incomplete{
				Table: t.Name, Cache: to.name, Op: c.Op, Old: old, Column: column, State: v.State,
			})
			return "", false
		}
	}
	switch {
	case missing:
		return "", false
	case k.Text == nil:
		return values[0], true
	}
	return k.Text(slices.Clone(values)), true // a clone, or buf would escape where there is no Text either
}

// old returns what is known of a column before the change.
//
// The key of a message is that of the row before and after, for a change of the primary key comes as a delete and an
// insert. So it tells also where PostgreSQL, which has seen no reason to log the old row, has left Before empty.
func (c *Change) old(column string, full bool) Value {
	var v Value
	if full || !c.mixed {
		v = c.Before.Column(column)
	}
	if v.State == Unknown {
		v = c.Key.Column(column)
	}
	return v
}

// now returns what is known of a column after the change.
func (c *Change) now(column string) Value {
	v := c.After.Column(column)
	if v.State == Unknown {
		v = c.Key.Column(column)
	}
	return v
}

// clear appends the events of the end of all rows of a table.
func (d *Decoder) clear(events []invalidation.Event, c *Change) []invalidation.Event {
	hit := 0
	for _, t := range d.tables {
		if t != d.table(c) && !c.names(t) {
			continue
		}
		hit++
		d.counts.clears.Add(1)
		e := invalidation.NewClear(t.Name, t.names...)
		stamp(&e, c)
		events = append(events, e.Split()...)
	}
	if hit == 0 {
		d.counts.unmapped.Add(1)
	}
	return events
}
