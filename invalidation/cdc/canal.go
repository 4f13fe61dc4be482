package cdc

import (
	"encoding/json"

	"github.com/cachet-go/cachet/invalidation"
)

// Canal returns the decoder of the flat messages of Canal (canal.mq.flatMessage=true) and of TiCDC with
// protocol=canal-json, with and without enable-tidb-extension. A message may tell of many rows.
func Canal(m Mapping) (*Decoder, error) { return newDecoder(m, (*Decoder).canal) }

// flat has the members of a message of Canal, raw.
type flat struct{ kind, db, table, data, old, es, ts, sql []byte }

func flatten(value []byte) (f flat) {
	s := scan{b: value}
	value, _ = s.element()
	s = inside(value)
	for {
		name, value, ok := s.member()
		if !ok {
			return f
		}
		switch string(name) {
		case `"type"`:
			f.kind = value
		case `"database"`:
			f.db = value
		case `"table"`:
			f.table = value
		case `"data"`:
			f.data = value
		case `"old"`:
			f.old = value
		case `"es"`:
			f.es = value
		case `"ts"`:
			f.ts = value
		case `"sql"`:
			f.sql = value
		}
	}
}

func (*Decoder) canal(m invalidation.Message) ([]Change, error) {
	if !json.Valid(m.Value) {
		return nil, malformed("not JSON")
	}
	f := flatten(m.Value)
	c := Change{Time: millis(f.es)}
	c.DB, _ = unquote(f.db)
	c.Table, _ = unquote(f.table)
	kind, _ := unquote(f.kind)
	switch kind {
	case "INSERT":
		c.Op = Insert
	case "UPDATE":
		c.Op = Update
	case "DELETE":
		c.Op = Delete
	case "TRUNCATE", "ERASE", "RENAME", "CREATE", "ALTER", "CINDEX", "DINDEX", "QUERY":
		return f.statement(kind, c), nil
	case "TIDB_WATERMARK", "GTID", "XACOMMIT", "XAROLLBACK", "MHEARTBEAT":
		return nil, nil
	default:
		return nil, malformed("no flat message of Canal")
	}
	if c.DB == "" || c.Table == "" {
		return nil, malformed("no table")
	}
	return f.rows(c)
}

// rows returns a change like c for each row. Those of an update have in old the columns that have changed in any row up
// to theirs, or all.
func (f flat) rows(c Change) ([]Change, error) {
	data, old := inside(f.data), inside(f.old)
	var changes []Change
	for {
		raw, ok := data.element()
		before, told := old.element()
		switch {
		case !ok && len(changes) == 0:
			return nil, malformed("%s without a row", c.Op)
		case !ok:
			return changes, nil
		case !object(raw):
			return nil, malformed("%s of what is no row", c.Op)
		}
		one := c
		switch {
		case c.Op == Delete:
			one.Before = Row{raw: raw}
		case c.Op == Update && told && object(before):
			one.Before = Row{raw: raw, over: before}
			one.After = Row{raw: raw}
		default:
			one.After = Row{raw: raw}
		}
		changes = append(changes, one)
	}
}

// statement returns what a statement of DDL does to rows.
func (f flat) statement(kind string, c Change) []Change {
	c.Op = Truncate
	c.statement, _ = unquote(f.sql)
	if kind == "TRUNCATE" || kind == "ERASE" || kind == "RENAME" || endsRows(c.statement) {
		return []Change{c}
	}
	// A statement that the binary log has in the place of rows (binlog_format other than ROW) is lost to all who read
	// rows.
	return nil
}
