package cdc

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/cachet-go/cachet/invalidation"
)

// cloud has what a CloudEvent of Debezium says, raw. What an envelope says about a change stands in attributes, and
// data has only the rows.
type cloud struct {
	version, data, encoded []byte

	op     []byte
	origin origin
}

// attribute takes a member of a CloudEvent, or an attribute of one in quotes.
func (c *cloud) attribute(name, value []byte) {
	switch string(name) {
	case `"specversion"`:
		c.version = value
	case `"data"`:
		c.data = value
	case `"data_base64"`:
		c.encoded = value
	case `"iodebeziumop"`:
		c.op = value
	case `"iodebeziumconnector"`:
		c.origin.connector = value
	case `"iodebeziumdb"`:
		c.origin.db = value
	case `"iodebeziumschema"`:
		c.origin.schema = value
	case `"iodebeziumtable"`:
		c.origin.table = value
	case `"iodebeziumtsms"`:
		c.origin.ts = value
	}
}

// structured reports whether a header says that the value is a CloudEvent.
func structured(m invalidation.Message) bool {
	v, _ := m.Header("content-type")
	return len(v) > 0 && strings.HasPrefix(strings.ToLower(string(v)), "application/cloudevents")
}

// binary reports whether a message is a CloudEvent whose attributes are headers, and whose data is the value.
func binary(m invalidation.Message) bool {
	_, ok := m.Header("ce_specversion")
	return ok
}

func headers(m invalidation.Message, data []byte) *cloud {
	var c cloud
	for _, h := range m.Headers {
		if name, ok := strings.CutPrefix(h.Name, "ce_"); ok {
			if value, err := json.Marshal(string(h.Value)); err == nil {
				c.attribute([]byte(`"`+name+`"`), value)
			}
		}
	}
	c.data, c.encoded = data, nil
	return &c
}

// changes returns the change that a CloudEvent tells of.
func (c *cloud) changes(key Row) ([]Change, error) {
	if c.op == nil {
		return nil, malformed("a CloudEvent without the attribute iodebeziumop")
	}
	data := c.data
	if encoded, ok := unquote(c.encoded); ok && data == nil {
		data, _ = base64.StdEncoding.DecodeString(encoded)
		if !json.Valid(data) {
			return nil, malformed("the data of a CloudEvent is not JSON")
		}
	}
	schema, payload := unpack(data)
	e := open(payload)
	e.op = c.op
	o := c.origin
	if ts, ok := unquote(o.ts); ok { // numbers of 64 bits are strings there
		o.ts = []byte(ts)
	}
	return e.changes(o, key, schema)
}
