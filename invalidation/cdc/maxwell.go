package cdc

import (
	"encoding/json"
	"strings"

	"github.com/cachet-go/cachet/invalidation"
)

// Maxwell returns the decoder of the JSON of Maxwell's Daemon. It tells of DROP and RENAME with output_ddl=true, from
// the topic ddl_kafka_topic, and of TRUNCATE not at all.
func Maxwell(m Mapping) (*Decoder, error) { return newDecoder(m, (*Decoder).maxwell) }

func (*Decoder) maxwell(m invalidation.Message) ([]Change, error) {
	if !json.Valid(m.Value) {
		return nil, malformed("not JSON")
	}
	f := flatten(m.Value) // the members that Canal has too are called the same
	kind, ok := unquote(f.kind)
	db, _ := unquote(f.db)
	if !ok || db == "" {
		return nil, malformed("no message of Maxwell")
	}
	c := Change{DB: db, Time: seconds(f.ts)}
	c.Table, _ = unquote(f.table)
	switch kind {
	case "insert":
		c.Op, c.After = Insert, Row{raw: f.data}
	case "update":
		c.Op, c.After = Update, Row{raw: f.data}
		if object(f.old) {
			c.Before = Row{raw: f.data, over: f.old}
		}
	case "delete":
		c.Op, c.Before = Delete, Row{raw: f.data}
	case "bootstrap-insert":
		c.Op, c.After = Read, Row{raw: f.data}
	case "bootstrap-start", "bootstrap-complete", "database-create", "database-alter":
		return nil, nil
	case "table-create", "table-alter", "table-drop", "database-drop":
		c.Op = Truncate
		c.statement, _ = unquote(f.sql)
		if strings.HasSuffix(kind, "-drop") || endsRows(c.statement) {
			return []Change{c}, nil
		}
		return nil, nil
	default:
		return nil, malformed("no message of Maxwell")
	}
	switch {
	case c.Table == "":
		return nil, malformed("no table")
	case !object(f.data):
		return nil, malformed("%s without a row", c.Op)
	}
	return []Change{c}, nil
}
