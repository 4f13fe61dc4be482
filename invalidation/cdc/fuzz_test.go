package cdc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

func FuzzDebezium(f *testing.F)  { fuzz(f, cdc.Debezium, "debezium") }
func FuzzUnwrapped(f *testing.F) { fuzz(f, cdc.Unwrapped, "debezium") }
func FuzzCanal(f *testing.F)     { fuzz(f, cdc.Canal, "canal", "ticdc") }
func FuzzMaxwell(f *testing.F)   { fuzz(f, cdc.Maxwell, "maxwell") }

// fuzz checks that a decoder does not panic, fails with ErrMalformed only, makes events that are valid, and reads rows
// as encoding/json does.
func fuzz(f *testing.F, of func(cdc.Mapping) (*cdc.Decoder, error), seeds ...string) {
	f.Helper()
	for _, seed := range seeds {
		files, _ := filepath.Glob("testdata/" + seed + "*.jsonl")
		for _, file := range files {
			for _, v := range vectors(f, file) {
				f.Add(v.Topic, []byte(v.Key), []byte(v.Value), v.Headers["content-type"], v.Headers["ce_iodebeziumop"])
			}
		}
	}
	d, err := of(mapping(func(cdc.Incomplete) {}))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, topic string, key, value []byte, content, op string) {
		m := invalidation.Message{Topic: topic, Key: key, Value: value}
		if content != "" {
			m.Headers = append(m.Headers, invalidation.Header{Name: "content-type", Value: []byte(content)})
		}
		if op != "" {
			m.Headers = append(
				m.Headers,
				invalidation.Header{Name: "ce_specversion", Value: []byte("1.0")},
				invalidation.Header{Name: "ce_iodebeziumop", Value: []byte(op)},
				invalidation.Header{Name: "ce_iodebeziumschema", Value: []byte("public")},
				invalidation.Header{Name: "ce_iodebeziumtable", Value: []byte("whole")},
			)
		}
		before := bytes.Clone(value)
		events, err := d.Decode(m)
		if err != nil && !errors.Is(err, invalidation.ErrMalformed) {
			t.Fatalf("Decode: %v", err)
		}
		if !bytes.Equal(before, value) {
			t.Fatal("Decode has changed the message")
		}
		for _, e := range events {
			if err := e.Validate(); err != nil {
				t.Fatalf("event: %v", err)
			}
		}
		changes, _ := d.Changes(m)
		for _, c := range changes {
			for _, r := range []cdc.Row{c.Key, c.Before, c.After} {
				same(t, r, value, key)
			}
		}
	})
}

// same checks that the texts of a row are among the values that encoding/json finds in the message.
func same(t *testing.T, r cdc.Row, documents ...[]byte) {
	t.Helper()
	if r.IsZero() || !utf8.Valid(documents[0]) || !utf8.Valid(documents[1]) {
		return // encoding/json would replace what is not UTF-8
	}
	texts := make(map[string]bool)
	for _, doc := range documents {
		var v any
		dec := json.NewDecoder(bytes.NewReader(doc))
		dec.UseNumber()
		if dec.Decode(&v) == nil {
			collect(texts, v)
		}
	}
	for name, v := range r.Columns() {
		if v.State == cdc.Known && !texts[v.Text] && !texts["base64"] {
			t.Fatalf("column %q: %q is not in the message", name, v.Text)
		}
	}
}

func collect(texts map[string]bool, v any) {
	switch v := v.(type) {
	case string:
		texts[v] = true
	case json.Number:
		texts[v.String()] = true
	case bool:
		texts[map[bool]string{true: "true", false: "false"}[v]] = true
	case []any:
		for _, e := range v {
			collect(texts, e)
		}
	case map[string]any:
		for name, e := range v {
			if strings.EqualFold(name, "data_base64") { // a document in a document
				texts["base64"] = true
			}
			collect(texts, e)
		}
	}
}
