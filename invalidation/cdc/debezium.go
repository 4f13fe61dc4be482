package cdc

import (
	"encoding/json"
	"strings"

	"github.com/cachet-go/cachet/invalidation"
)

// Debezium returns the decoder of the messages of Debezium as JSON, with or without schemas, and as CloudEvents in
// JSON, structured or binary. It takes those of the topic of schema changes, too, which the connectors for MySQL,
// MariaDB and Oracle have: the only ones that tell of DROP and RENAME. A tombstone is a delete, since on a compacted
// topic it may be all that is left of one.
func Debezium(m Mapping) (*Decoder, error) {
	return newDecoder(m, func(d *Decoder, m invalidation.Message) ([]Change, error) { return d.debezium(m, false) })
}

// envelope has the members of a message of Debezium, raw, and of whatever else comes on its topics.
type envelope struct {
	op, source, before, after, ts []byte

	ddl, database []byte // of a schema change
	status        []byte // of the begin or the end of a transaction
	members       int

	event cloud // if it is a CloudEvent
}

func open(payload []byte) (e envelope) {
	s := inside(payload)
	for {
		name, value, ok := s.member()
		if !ok {
			return e
		}
		e.members++
		switch string(name) {
		case `"op"`:
			e.op = value
		case `"source"`:
			e.source = value
		case `"before"`:
			e.before = value
		case `"after"`:
			e.after = value
		case `"ts_ms"`:
			e.ts = value
		case `"ddl"`:
			e.ddl = value
		case `"databaseName"`:
			e.database = value
		case `"status"`:
			e.status = value
		default:
			e.event.attribute(name, value)
		}
	}
}

// origin is what the source of an envelope says of where a change comes from, raw.
type origin struct{ connector, db, schema, table, ts, snapshot []byte }

func from(source []byte) (o origin) {
	s := inside(source)
	for {
		name, value, ok := s.member()
		if !ok {
			return o
		}
		switch string(name) {
		case `"connector"`:
			o.connector = value
		case `"db"`:
			o.db = value
		case `"schema"`:
			o.schema = value
		case `"table"`:
			o.table = value
		case `"ts_ms"`:
			o.ts = value
		case `"snapshot"`:
			o.snapshot = value
		}
	}
}

// snapshots reports whether a snapshot has made the message.
func (o origin) snapshots() bool {
	switch string(o.snapshot) {
	case "", null, "false", `"false"`:
		return false
	}
	return true
}

// whole are connectors that refuse to work where the database does not log whole rows.
func whole(connector []byte) bool {
	switch string(connector) {
	case `"mysql"`, `"mariadb"`, `"sqlserver"`, `"oracle"`, `"db2"`, `"informix"`:
		return true
	}
	return false
}

// debezium is the parser of Debezium and, if rows may come without an envelope, of Unwrapped.
func (d *Decoder) debezium(m invalidation.Message, unwrapped bool) ([]Change, error) {
	if m.Value == nil {
		return d.tombstone(m, unwrapped)
	}
	if !json.Valid(m.Value) {
		return nil, malformed("not JSON")
	}
	schema, payload := unpack(m.Value)
	switch {
	case string(payload) == null:
		return d.tombstone(m, unwrapped)
	case len(payload) == 0 || payload[0] != '{':
		return nil, malformed("not an object")
	}
	e := open(payload)
	switch {
	case e.event.version != nil && e.event.op != nil || structured(m):
		return e.event.changes(row(m.Key))
	case binary(m):
		return headers(m, payload).changes(row(m.Key))
	case object(e.source) && e.op != nil:
		return e.changes(from(e.source), row(m.Key), schema)
	case object(e.source) && e.ddl != nil:
		return e.statement()
	case unwrapped:
		return d.unwrapped(m, schema, payload, e)
	case e.aside(m):
		return nil, nil
	}
	return nil, malformed("no envelope of Debezium")
}

// changes returns the change that an envelope tells of.
func (e envelope) changes(o origin, key Row, schema []byte) ([]Change, error) {
	c := Change{Key: key, Time: millis(o.ts), mixed: !whole(o.connector)}
	c.DB, _ = unquote(o.db)
	c.Schema, _ = unquote(o.schema)
	c.Table, _ = unquote(o.table)
	if object(e.before) {
		c.Before = Row{raw: e.before, schema: schema, field: "before"}
	}
	if object(e.after) {
		c.After = Row{raw: e.after, schema: schema, field: "after"}
	}
	switch string(e.op) {
	case `"c"`:
		c.Op = Insert
	case `"u"`:
		c.Op = Update
	case `"d"`:
		c.Op = Delete
	case `"r"`:
		c.Op = Read
	case `"t"`:
		c.Op = Truncate
	case `"m"`: // of pg_logical_emit_message
		return nil, nil
	default:
		return nil, malformed("an operation that is not known")
	}
	switch {
	case c.Table == "" || c.Schema == "" && c.DB == "":
		return nil, malformed("no table")
	case c.After.IsZero() && c.Op != Delete && c.Op != Truncate:
		return nil, malformed("%s without a row", c.Op)
	}
	return []Change{c}, nil
}

// statement returns what a message of the topic of schema changes tells of.
func (e envelope) statement() ([]Change, error) {
	o := from(e.source)
	statement, _ := unquote(e.ddl)
	if o.snapshots() || !endsRows(statement) { // a snapshot says DROP before each CREATE, for those who build a copy
		return nil, nil
	}
	c := Change{Op: Truncate, Time: millis(o.ts), statement: statement}
	c.DB, _ = unquote(e.database)
	c.Table, _ = unquote(o.table)
	return []Change{c}, nil
}

// aside reports whether a message is one of those that come beside changes: a heartbeat, or the begin or the end of a
// transaction.
func (e envelope) aside(m invalidation.Message) bool {
	switch {
	case e.members == 1 && e.ts != nil:
		return strings.HasPrefix(m.Topic, "__debezium-heartbeat") || row(m.Key).Column("serverName").State == Known
	case e.ts != nil:
		return string(e.status) == `"BEGIN"` || string(e.status) == `"END"`
	}
	return false
}

// tombstone returns the delete of the row that the key of a message without a value names. It follows a message that
// has the row, or had it before the topic was compacted, unless the rows are unwrapped.
func (d *Decoder) tombstone(m invalidation.Message, unwrapped bool) ([]Change, error) {
	key := row(m.Key)
	t := d.topic(m.Topic)
	switch {
	case t != nil && key.IsZero():
		return nil, malformed("a tombstone whose key is no JSON object")
	case t != nil:
		c := t.change(Delete, key)
		c.echo = !unwrapped
		return []Change{c}, nil
	}
	return []Change{{Table: m.Topic, Op: Delete, Key: key}}, nil
}

// change returns a change of t, as the topic or the mapping names it.
func (t *table) change(op Op, key Row) Change {
	parts := strings.SplitN(t.Name, ".", 3)
	c := Change{Op: op, Key: key, mixed: true}
	if len(parts) == 3 {
		c.DB, parts = parts[0], parts[1:]
	}
	c.Schema, c.Table = parts[0], parts[1]
	return c
}

// row returns the columns of a message key that is a JSON object.
func row(key []byte) Row {
	if !object(key) || !json.Valid(key) {
		return Row{}
	}
	schema, payload := unpack(key)
	if !object(payload) {
		return Row{}
	}
	return Row{raw: payload, schema: schema}
}

// unpack returns what the converter of Kafka Connect has packed with its schema, or value itself, without space.
func unpack(value []byte) (schema, payload []byte) {
	s := scan{b: value}
	value, _ = s.element()
	if !object(value) {
		return nil, value
	}
	s = inside(value)
	for {
		name, v, ok := s.member()
		switch {
		case !ok && payload != nil && schema != nil:
			return schema, payload
		case ok && string(name) == `"schema"` && (object(v) && member(v, "type") != nil || string(v) == null):
			schema = v
		case ok && string(name) == `"payload"`:
			payload = v
		default:
			return nil, value
		}
	}
}

func object(raw []byte) bool { return len(raw) > 0 && raw[0] == '{' }
