package cdc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

func TestARowSaysWhatIsKnownOfAColumn(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	for raw, want := range map[string]cdc.Value{
		`null`:                           {State: cdc.Null},
		`"null"`:                         {State: cdc.Known, Text: "null"},
		`""`:                             {State: cdc.Known},
		`18446744073709551615`:           {State: cdc.Known, Text: "18446744073709551615"},
		`-1`:                             {State: cdc.Known, Text: "-1"},
		`1.50`:                           {State: cdc.Known, Text: "1.50"},
		`1E+2`:                           {State: cdc.Known, Text: "1E+2"},
		`true`:                           {State: cdc.Known, Text: "true"},
		`false`:                          {State: cdc.Known, Text: "false"},
		`"\u00e4\"\\\/\n"`:               {State: cdc.Known, Text: "ä\"\\/\n"},
		"\"\xff\"":                       {State: cdc.Known, Text: "\xff"},
		`"\ud834"`:                       {State: cdc.Unreadable},
		`[1]`:                            {State: cdc.Unreadable},
		`{"scale":1,"value":1}`:          {State: cdc.Unreadable},
		`"__debezium_unavailable_value"`: {State: cdc.Unknown},
		`"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="`:                 {State: cdc.Unknown},
		`"5f5f646562657a69756d5f756e617661696c61626c655f76616c7565"`: {State: cdc.Unknown},
		`"__debezium_unavailable_value "`:                            {State: cdc.Known, Text: "__debezium_unavailable_value "},
	} {
		changes, err := d.Changes(envelope("mysql", "c", "", "null", ` { "a" : "x" , "\u0069d" : `+raw+` , "z" : 1 } `))
		require.NoError(t, err)
		assert.Equal(t, want, changes[0].After.Column("id"), raw)
		assert.Equal(t, cdc.Value{}, changes[0].After.Column("ID"), "the case matters")
		assert.Equal(t, cdc.Value{}, changes[0].Before.Column("id"))
		assert.True(t, changes[0].Before.IsZero())
		var names []string
		for name := range changes[0].After.Columns() {
			names = append(names, name)
		}
		assert.Equal(t, []string{"a", "id", "z"}, names)
	}
}

func TestColumnsThatAreInOldOnlyAreOnesOfTheRow(t *testing.T) {
	d, err := cdc.Canal(cdc.Mapping{Tables: []cdc.Table{users()}})
	require.NoError(t, err)
	changes, err := d.Changes(invalidation.Message{
		Value: []byte(`{"type":"UPDATE","database":"public","table":"users","data":[{"a":"1","b":"2"}],"old":[{"b":"3","c":"4"}]}`),
	})
	require.NoError(t, err)
	got := make(map[string]string)
	for name, v := range changes[0].Before.Columns() {
		assert.NotContains(t, got, name)
		got[name] = v.Text
		break
	}
	for name, v := range changes[0].Before.Columns() {
		got[name] = v.Text
	}
	assert.Equal(t, map[string]string{"a": "1", "b": "3", "c": "4"}, got)
}

// Columns may have the names that an envelope has.
func TestAnUnwrappedRowIsNotTakenForAnEnvelope(t *testing.T) {
	d, err := cdc.Unwrapped(cdc.Mapping{Tables: []cdc.Table{users()}, Report: func(cdc.Incomplete) {}})
	require.NoError(t, err)
	for _, row := range []string{
		`{"id":1,"email":"a","op":"c","source":"web","before":null,"after":null}`,
		`{"id":1,"email":"a","schema":"x","payload":"y"}`,
		`{"id":1,"email":"a","status":"BEGIN","ts_ms":1}`,
		`{"id":1,"email":"a","specversion":"1.0","type":"x","data":{}}`,
	} {
		m := invalidation.Message{Topic: "app.public.users", Value: []byte(row)}
		assert.Equal(t, []string{"user:1", "email:a"}, keys(t, d, m), row)
	}
	two := cdc.Table{Name: "public.two", Keys: []cdc.Key{{Cache: "two", Columns: []string{"payload"}}}}
	d, err = cdc.Unwrapped(cdc.Mapping{Tables: []cdc.Table{two}, Report: func(cdc.Incomplete) {}})
	require.NoError(t, err)
	for _, row := range []string{`{"schema":"x","payload":"y"}`, `{"schema":{},"payload":"y"}`, `{"payload":"y"}`} {
		m := invalidation.Message{Topic: "app.public.two", Value: []byte(row)}
		assert.Equal(t, []string{"two:y"}, keys(t, d, m), row)
	}
}

func TestATimeThatIsNoneIsThatOfTheMessage(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	for _, ts := range []string{"null", "-1", "0", `"x"`, "1e3", "99999999999999999999999999", "18446744073709551617"} {
		changes, err := d.Changes(invalidation.Message{Value: []byte(
			`{"after":{"id":1},"op":"c","source":{"connector":"mysql","db":"public","table":"users","ts_ms":` + ts + `}}`)})
		require.NoError(t, err)
		assert.True(t, changes[0].Time.IsZero(), ts)
	}
}
