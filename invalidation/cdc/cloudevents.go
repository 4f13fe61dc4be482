package cdc

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/cachet-go/cachet/invalidation"
)

// cloud reports whether a message is a CloudEvent in binary mode, whose attributes are headers.
func cloud(m invalidation.Message) bool {
	_, ok := m.Header("ce_specversion")
	return ok
}

// event returns the attributes and the data of a CloudEvent; false, if m is none. payload is the value of m.
func event(m invalidation.Message, payload []byte) (attr func(string) []byte, data []byte, ok bool) {
	if member(payload, "specversion") != nil && member(payload, "type") != nil || structured(m) {
		data = member(payload, "data")
		if encoded, ok := unquote(member(payload, "data_base64")); ok && data == nil {
			data, _ = base64.StdEncoding.DecodeString(encoded)
		}
		return func(name string) []byte { return member(payload, name) }, data, true
	}
	if !cloud(m) {
		return nil, nil, false
	}
	return func(name string) []byte {
		v, ok := m.Header("ce_" + name)
		if !ok {
			return nil
		}
		quoted, _ := json.Marshal(string(v)) // never fails
		return quoted
	}, payload, true
}

// structured reports whether a header says that the value is a CloudEvent.
func structured(m invalidation.Message) bool {
	v, _ := m.Header("content-type")
	return strings.HasPrefix(strings.ToLower(string(v)), "application/cloudevents")
}

// cloudEvent returns the change that a CloudEvent of Debezium tells of. What an envelope says about the change stands
// in attributes, and data has only the rows.
func cloudEvent(m invalidation.Message, attr func(string) []byte, data []byte) ([]Change, error) {
	if len(data) > 0 && !json.Valid(data) {
		return nil, malformed("the data of a CloudEvent is not JSON")
	}
	schema, payload := unpack(data)
	e := open(payload)
	e.op = attr("iodebeziumop")
	if e.op == nil {
		return nil, malformed("a CloudEvent without the attribute iodebeziumop")
	}
	o := origin{
		connector: attr("iodebeziumconnector"), db: attr("iodebeziumdb"), schema: attr("iodebeziumschema"),
		table: attr("iodebeziumtable"), ts: attr("iodebeziumtsms"),
	}
	if ts, ok := unquote(o.ts); ok { // numbers of 64 bits are strings there
		o.ts = []byte(ts)
	}
	return e.changes(o, row(m.Key), schema)
}
