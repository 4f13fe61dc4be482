package cdc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

func TestAMessageKeyThatIsNoJSONTellsNothing(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}, Report: func(cdc.Incomplete) {}})
	for _, key := range []string{`{"id":"1`, `{"id":`, `{"id":1`, "1", `"1"`, "Struct{id=1}", "null"} {
		m := envelope("postgresql", "d", key, `{"id":1,"email":""}`, "null")
		assert.Empty(t, keys(t, d, m), key)
	}
}

func TestCanalGuessesNothing(t *testing.T) {
	var reports []cdc.Incomplete
	d, err := cdc.Canal(cdc.Mapping{Tables: []cdc.Table{users()}, Report: func(i cdc.Incomplete) { reports = append(reports, i) }})
	require.NoError(t, err)
	for _, old := range []string{`null`, `[]`, `[null]`, `[1]`, `{}`} {
		reports = nil
		m := invalidation.Message{Value: []byte(
			`{"type":"UPDATE","database":"public","table":"users","data":[{"id":"1","email":"a"}],"old":` + old + `}`)}
		assert.Equal(t, []string{"user:1", "email:a"}, keys(t, d, m), old)
		assert.Len(t, reports, 2, "%s: what was there is not told", old)
	}
	for _, value := range []string{
		`{"type":"INSERT","data":[{"id":"1"}]}`,
		`{"type":"INSERT","database":"public","data":[{"id":"1"}]}`,
		`{"type":"INSERT","table":"users","data":[{"id":"1"}]}`,
		`{"type":"INSERT","database":"public","table":"users","data":[1]}`,
		`{"type":"INSERT","database":"public","table":"users","data":[]}`,
		`{"type":"INSERT","database":"public","table":"users","data":{}}`,
		`{"type":"INSERT","database":"public","table":"users"}`,
		`{"type":"insert","database":"public","table":"users","data":[{"id":"1"}]}`,
	} {
		_, err := d.Decode(invalidation.Message{Value: []byte(value)})
		assert.ErrorIs(t, err, invalidation.ErrMalformed, value)
	}
}

func TestMaxwellGuessesNothing(t *testing.T) {
	var reports []cdc.Incomplete
	d, err := cdc.Maxwell(cdc.Mapping{Tables: []cdc.Table{users()}, Report: func(i cdc.Incomplete) { reports = append(reports, i) }})
	require.NoError(t, err)
	for _, old := range []string{`null`, `1`, `[]`} {
		reports = nil
		m := invalidation.Message{Value: []byte(
			`{"type":"update","database":"public","table":"users","data":{"id":1,"email":"a"},"old":` + old + `}`)}
		assert.Equal(t, []string{"user:1", "email:a"}, keys(t, d, m), old)
		assert.Len(t, reports, 2, "%s: what was there is not told", old)
	}
	for _, value := range []string{
		`{"type":"insert","database":"public","data":{"id":1}}`,
		`{"type":"insert","table":"users","data":{"id":1}}`,
		`{"type":"insert","database":"public","table":"users","data":[]}`,
		`{"type":"delete","database":"public","table":"users"}`,
		`{"type":"INSERT","database":"public","table":"users","data":{"id":1}}`,
		`{"database":"public","table":"users","data":{"id":1}}`,
	} {
		_, err := d.Decode(invalidation.Message{Value: []byte(value)})
		assert.ErrorIs(t, err, invalidation.ErrMalformed, value)
	}
}

func TestDDLNeedsNoStatement(t *testing.T) {
	m := cdc.Mapping{Tables: []cdc.Table{
		users(), {Name: "public.orders", Keys: []cdc.Key{{Cache: "order", Columns: []string{"id"}}}},
		{Name: "crm.users", Keys: []cdc.Key{{Cache: "crm", Columns: []string{"id"}}}},
	}}
	canal, err := cdc.Canal(m)
	require.NoError(t, err)
	maxwell, err := cdc.Maxwell(m)
	require.NoError(t, err)
	for value, want := range map[string][]string{
		`{"type":"TRUNCATE","database":"public","table":"users","isDdl":true}`: {"user:", "email:"},
		`{"type":"ERASE","database":"public","table":"users","isDdl":true}`:    {"user:", "email:"},
		`{"type":"RENAME","database":"public","table":"users","isDdl":true}`:   {"user:", "email:"},
		`{"type":"ALTER","database":"public","table":"users","isDdl":true}`:    nil,
		`{"type":"ERASE","database":"public","table":"","isDdl":true}`:         {"user:", "email:", "order:"},
	} {
		assert.Equal(t, want, keys(t, canal, invalidation.Message{Value: []byte(value)}), value)
	}
	for value, want := range map[string][]string{
		`{"type":"table-drop","database":"public","table":"users"}`:  {"user:", "email:"},
		`{"type":"table-alter","database":"public","table":"users"}`: nil,
		`{"type":"database-drop","database":"public"}`:               {"user:", "email:", "order:"},
	} {
		assert.Equal(t, want, keys(t, maxwell, invalidation.Message{Value: []byte(value)}), value)
	}
}

func TestUnwrappedTakesHeartbeatsForWhatTheyAre(t *testing.T) {
	d, err := cdc.Unwrapped(cdc.Mapping{Tables: []cdc.Table{users()}})
	require.NoError(t, err)
	for _, m := range []invalidation.Message{
		{Topic: "__debezium-heartbeat.app", Key: []byte(`{"serverName":"app"}`), Value: []byte(`{"ts_ms":1}`)},
		{Topic: "app.transaction", Value: []byte(`{"status":"END","id":"1","event_count":1,"data_collections":[],"ts_ms":1}`)},
	} {
		assert.Empty(t, keys(t, d, m))
	}
	assert.EqualValues(t, 2, d.Stats().Ignored)
	assert.Zero(t, d.Stats().Unmapped)
}

func TestAnUnwrappedDeleteIsBelievedOnlyIfTheMappingSaysFull(t *testing.T) {
	for _, m := range []invalidation.Message{
		{Topic: "app.public.users", Value: []byte(`{"id":1,"email":"","__deleted":"true"}`)},
		{Topic: "x", Value: []byte(`{"id":1,"email":"","__deleted":"true","__table":"users","__schema":"public"}`)},
	} {
		m.Key = []byte(`{"id":1}`)
		table := users()
		d, err := cdc.Unwrapped(cdc.Mapping{Tables: []cdc.Table{table}, Report: func(cdc.Incomplete) {}})
		require.NoError(t, err)
		assert.Equal(t, []string{"user:1"}, keys(t, d, m))
		assert.EqualValues(t, 1, d.Stats().Incomplete)
		table.Full = true
		d, err = cdc.Unwrapped(cdc.Mapping{Tables: []cdc.Table{table}})
		require.NoError(t, err)
		assert.Equal(t, []string{"user:1", "email:"}, keys(t, d, m))
	}
}

func TestAnUnwrappedRowHasTheTimeThatWasAdded(t *testing.T) {
	d, err := cdc.Unwrapped(cdc.Mapping{Tables: []cdc.Table{users()}})
	require.NoError(t, err)
	for fields, want := range map[string]int64{
		`"__source_ts_ms":5,"__ts_ms":6`: 5, `"__ts_ms":6`: 6, `"x":1`: 0,
	} {
		changes, err := d.Changes(invalidation.Message{Topic: "a.public.users", Value: []byte(`{"id":1,` + fields + `}`)})
		require.NoError(t, err)
		if want == 0 {
			assert.True(t, changes[0].Time.IsZero())
		} else {
			assert.Equal(t, want, changes[0].Time.UnixMilli())
		}
	}
}
