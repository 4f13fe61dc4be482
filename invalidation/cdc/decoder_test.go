package cdc_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

// users is a table with a primary and a secondary key.
func users() cdc.Table {
	return cdc.Table{Name: "public.users", Keys: []cdc.Key{
		{Cache: "user", Columns: []string{"id"}}, {Cache: "email", Columns: []string{"email"}},
	}}
}

func decoder(tb testing.TB, m cdc.Mapping) *cdc.Decoder {
	tb.Helper()
	d, err := cdc.Debezium(m)
	require.NoError(tb, err)
	return d
}

// envelope is a message of Debezium about public.users.
func envelope(connector, op, key, before, after string) invalidation.Message {
	m := invalidation.Message{Topic: "app.public.users", Value: fmt.Appendf(nil,
		`{"before":%s,"after":%s,"source":{"connector":%q,"db":"app","schema":"public","table":"users","ts_ms":1559033904863},"op":%q}`,
		before, after, connector, op)}
	if key != "" {
		m.Key = []byte(key)
	}
	return m
}

// keys returns the keys of the events of m, all in one.
func keys(tb testing.TB, d *cdc.Decoder, m invalidation.Message) []string {
	tb.Helper()
	events, err := d.Decode(m)
	require.NoError(tb, err)
	var all []string
	for _, e := range events {
		all = append(all, e.Keys...)
	}
	return all
}

func TestTheTextOfAnIntegerIsWhatACacheMakesOfIt(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	for _, n := range []int64{0, 1, -1, 1<<53 + 1, math.MaxInt64, math.MinInt64} {
		text := strconv.FormatInt(n, 10)
		row := fmt.Sprintf(`{"id":%s,"email":null}`, text)
		assert.Equal(t, []string{invalidation.Key("user", text)}, keys(t, d, envelope("mysql", "c", "", "null", row)))
		quoted := fmt.Sprintf(`{"id":%q,"email":null}`, text)
		assert.Equal(t, []string{invalidation.Key("user", text)}, keys(t, d, envelope("mysql", "c", "", "null", quoted)))
	}
}

func TestTheTextOfAStringIsTheString(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{{Name: "public.users", Keys: []cdc.Key{{Cache: "a:b", Columns: []string{"x"}}}}}})
	for _, s := range []string{"", " ", "ä", "a:b", `"\`, "\n\x00", "𝄞", "{tag}", "null", "1.50"} {
		b, err := json.Marshal(map[string]string{"x": s})
		require.NoError(t, err)
		assert.Equal(t, []string{invalidation.Key("a:b", s)}, keys(t, d, envelope("mysql", "c", "", "null", string(b))), "%q", s)
	}
	assert.Equal(t, []string{"a%3Ab:𝄞é"}, keys(t, d, envelope("mysql", "c", "", "null", `{"x":"\ud834\udd1e\u00e9"}`)))
}

func TestARecordWithNullHasNoKey(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	assert.Equal(t, []string{"user:1"}, keys(t, d, envelope("mysql", "c", "", "null", `{"id":1,"email":null}`)))
	assert.Zero(t, d.Stats().Incomplete)
}

func TestAnUpdateDeletesWhatWasAndWhatIs(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	m := envelope("mysql", "u", `{"id":1}`, `{"id":1,"email":"a"}`, `{"id":1,"email":"b"}`)
	events, err := d.Decode(m)
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, []string{"user:1"}, events[0].Keys)
	assert.Equal(t, []string{"email:a", "email:b"}, events[1].Keys)
	for _, e := range events {
		assert.NoError(t, e.Validate())
		assert.Equal(t, "public.users", e.Origin)
		assert.Equal(t, time.UnixMilli(1559033904863).UTC(), e.Time)
	}
	assert.NotEqual(t, events[0].ID, events[1].ID)
}

// PostgreSQL logs the primary key only. The connector has "" for the e-mail then, which is not what it was.
func TestWhatPostgresHasNotLoggedIsNotBelieved(t *testing.T) {
	var reports []cdc.Incomplete
	m := cdc.Mapping{Tables: []cdc.Table{users()}, Report: func(i cdc.Incomplete) { reports = append(reports, i) }}
	d := decoder(t, m)
	deleted := envelope("postgresql", "d", `{"id":1}`, `{"id":1,"email":""}`, "null")
	assert.Equal(t, []string{"user:1"}, keys(t, d, deleted))
	assert.Equal(t, []cdc.Incomplete{{
		Table: "public.users", Cache: "email", Op: cdc.Delete, Old: true, Column: "email", State: cdc.Unknown,
	}}, reports)
	assert.EqualValues(t, 1, d.Stats().Incomplete)

	updated := envelope("postgresql", "u", `{"id":1}`, "null", `{"id":1,"email":"b"}`)
	assert.Equal(t, []string{"user:1", "email:b"}, keys(t, d, updated))
	assert.EqualValues(t, 2, d.Stats().Incomplete)

	m.Tables[0].Full = true
	full := decoder(t, m)
	assert.Equal(t, []string{"user:1", "email:a"}, keys(t, full, envelope("postgresql", "d", `{"id":1}`, `{"id":1,"email":"a"}`, "null")))
	assert.Zero(t, full.Stats().Incomplete)
	assert.Equal(t, []string{"user:1", "email:b"}, keys(t, full, updated), "whatever the mapping says")
	assert.EqualValues(t, 1, full.Stats().Incomplete)
}

func TestConnectorsThatInsistOnWholeRowsAreBelieved(t *testing.T) {
	for connector, want := range map[string][]string{
		"mysql": {"user:1", "email:a"}, "mariadb": {"user:1", "email:a"}, "oracle": {"user:1", "email:a"},
		"postgresql": {"user:1"}, "yugabytedb": {"user:1"}, "": {"user:1"},
	} {
		d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}, Report: func(cdc.Incomplete) {}})
		assert.Equal(t, want, keys(t, d, envelope(connector, "d", `{"id":1}`, `{"id":1,"email":"a"}`, "null")), connector)
	}
}

func TestAKeyOfSeveralColumnsKeepsTheirOrder(t *testing.T) {
	table := cdc.Table{Name: "public.users", Keys: []cdc.Key{{Cache: "pair", Columns: []string{"tenant", "code"}, Text: pair}}}
	var reports []cdc.Incomplete
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{table}, Report: func(i cdc.Incomplete) { reports = append(reports, i) }})
	assert.Equal(t, []string{"pair:1/x"}, keys(t, d, envelope("mysql", "c", "", "null", `{"code":"x","tenant":1}`)))
	assert.Empty(t, keys(t, d, envelope("mysql", "c", "", "null", `{"code":null,"tenant":1}`)))
	assert.Empty(t, reports)
	assert.Empty(t, keys(t, d, envelope("mysql", "c", "", "null", `{"tenant":null}`)))
	assert.Len(t, reports, 1, "one is NULL and the other unknown")
}

func TestKeysOfOneCacheShareAnEvent(t *testing.T) {
	byName := func(v []string) string { return "name:" + v[0] }
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{{Name: "public.users", Keys: []cdc.Key{
		{Cache: "user", Columns: []string{"id"}},
		{Cache: "other", Columns: []string{"id"}},
		{Cache: "user", Columns: []string{"name"}, Text: byName},
	}}}})
	events, err := d.Decode(envelope("mysql", "u", "", `{"id":1,"name":"a"}`, `{"id":2,"name":"a"}`))
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, []string{"user:1", "user:name:a", "user:2"}, events[0].Keys)
	assert.Equal(t, []string{"other:1", "other:2"}, events[1].Keys)
}

func TestNoEventHasMoreKeysThanItMay(t *testing.T) {
	table := cdc.Table{Name: "public.users"}
	row := make(map[string]int)
	for i := range invalidation.MaxKeys + 1 {
		column := fmt.Sprint("c", i)
		table.Keys = append(table.Keys, cdc.Key{Cache: "user", Columns: []string{column}})
		row[column] = i
	}
	b, err := json.Marshal(row)
	require.NoError(t, err)
	events, err := decoder(t, cdc.Mapping{Tables: []cdc.Table{table}}).Decode(envelope("mysql", "c", "", "null", string(b)))
	require.NoError(t, err)
	require.Len(t, events, 2)
	for _, e := range events {
		assert.NoError(t, e.Validate())
	}
}

func TestRowsOfASnapshotAreIgnoredUnlessAskedFor(t *testing.T) {
	read := envelope("mysql", "r", "", "null", `{"id":1,"email":"a"}`)
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	assert.Empty(t, keys(t, d, read))
	assert.EqualValues(t, 1, d.Stats().Snapshots)
	d = decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}, Snapshots: true})
	assert.Equal(t, []string{"user:1", "email:a"}, keys(t, d, read))
	assert.Zero(t, d.Stats().Snapshots)
}

func TestTruncateClearsTheCachesOfTheTable(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{
		users(), {Name: "public.orders", Keys: []cdc.Key{{Cache: "order", Columns: []string{"id"}}}},
	}})
	events, err := d.Decode(envelope("postgresql", "t", "", "null", "null"))
	require.NoError(t, err)
	require.Len(t, events, 1)
	assert.Equal(t, invalidation.Clear, events[0].Op)
	assert.Equal(t, []string{"user:", "email:"}, events[0].Keys)
	assert.NoError(t, events[0].Validate())
	assert.EqualValues(t, 1, d.Stats().Clears)
}

func TestAColumnThatTheRowLeavesOutIsThatOfTheMessageKey(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	for _, op := range []string{"c", "u"} {
		m := envelope("mysql", op, `{"id":1}`, `{"email":"a"}`, `{"email":"a"}`)
		assert.Equal(t, []string{"user:1", "email:a"}, keys(t, d, m))
	}
	assert.Zero(t, d.Stats().Incomplete)
}

func TestChangesOfOtherTablesAreCounted(t *testing.T) {
	table := users()
	table.Name = "public.others"
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{table}})
	for i, op := range []string{"c", "u", "t"} {
		assert.Empty(t, keys(t, d, envelope("mysql", op, "", "null", `{"id":1}`)))
		assert.EqualValues(t, i+1, d.Stats().Unmapped)
	}
}

func TestATableMayBeNamedWithItsDatabase(t *testing.T) {
	table := users()
	table.Name = "app.public.users"
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{table}})
	assert.Equal(t, []string{"user:1", "email:a"}, keys(t, d, envelope("sqlserver", "c", "", "null", `{"id":1,"email":"a"}`)))
	tombstone := invalidation.Message{Topic: "server.app.public.users", Key: []byte(`{"id":2}`)}
	assert.Equal(t, []string{"user:2"}, keys(t, d, tombstone))
	table.Name = "other.public.users"
	d = decoder(t, cdc.Mapping{Tables: []cdc.Table{table}})
	assert.Empty(t, keys(t, d, envelope("sqlserver", "c", "", "null", `{"id":1,"email":"a"}`)))
	assert.EqualValues(t, 1, d.Stats().Unmapped)
}

func TestATombstoneAfterADeleteIsNotIncomplete(t *testing.T) {
	tombstone := invalidation.Message{Topic: "app.public.users", Key: []byte(`{"id":1}`)}
	m := cdc.Mapping{Tables: []cdc.Table{users()}, Report: func(cdc.Incomplete) {}}
	d := decoder(t, m)
	assert.Equal(t, []string{"user:1"}, keys(t, d, tombstone))
	assert.Zero(t, d.Stats().Incomplete)
	rows, err := cdc.Unwrapped(m)
	require.NoError(t, err)
	assert.Equal(t, []string{"user:1"}, keys(t, rows, tombstone))
	assert.EqualValues(t, 1, rows.Stats().Incomplete, "nothing else tells of it")
}

func TestAnUnwrappedRowIsOfTheTableOfItsTopicOrOfItsFields(t *testing.T) {
	table := users()
	table.Topic = "people"
	d, err := cdc.Unwrapped(cdc.Mapping{Tables: []cdc.Table{table}, Report: func(cdc.Incomplete) {}})
	require.NoError(t, err)
	row := []byte(`{"id":1,"email":"a"}`)
	assert.NotEmpty(t, keys(t, d, invalidation.Message{Topic: "people", Value: row}))
	assert.Empty(t, keys(t, d, invalidation.Message{Topic: "app.public.users", Value: row}), "another topic is named")
	assert.NotEmpty(t, keys(t, d, invalidation.Message{
		Topic: "x", Value: []byte(`{"id":1,"email":"a","__table":"users","__schema":"public"}`),
	}))
	assert.NotEmpty(t, keys(t, d, invalidation.Message{Topic: "x", Value: row, Headers: []invalidation.Header{
		{Name: "__table", Value: []byte(`"users"`)}, {Name: "__schema", Value: []byte("public")},
	}}))
	assert.EqualValues(t, 1, d.Stats().Unmapped)
}

func TestAnUnwrappedDeleteIsOne(t *testing.T) {
	for _, row := range []string{`"__deleted":"true"`, `"__deleted":true`, `"__op":"d"`} {
		table := users()
		table.Full = true
		d, err := cdc.Unwrapped(cdc.Mapping{Tables: []cdc.Table{table}})
		require.NoError(t, err)
		changes, err := d.Changes(invalidation.Message{Topic: "a.public.users", Value: []byte(`{"id":1,"email":"a",` + row + `}`)})
		require.NoError(t, err)
		require.Len(t, changes, 1)
		assert.Equal(t, cdc.Delete, changes[0].Op)
		assert.Equal(t, "a", changes[0].Before.Column("email").Text)
		assert.True(t, changes[0].After.IsZero())
	}
}

func TestAnEventHasATimeWhateverTheMessageTells(t *testing.T) {
	value := []byte(`{"before":null,"after":{"id":1,"email":null},"source":{"connector":"mysql","db":"public","table":"users"},"op":"c"}`)
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	at := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	events, err := d.Decode(invalidation.Message{Value: value, Time: at})
	require.NoError(t, err)
	assert.Equal(t, at.UTC(), events[0].Time)
	events, err = d.Decode(invalidation.Message{Value: value})
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), events[0].Time, time.Minute)
}

func TestWhatIsOfAnotherFormatIsMalformed(t *testing.T) {
	for name, of := range map[string]func(cdc.Mapping) (*cdc.Decoder, error){
		"Debezium": cdc.Debezium, "Unwrapped": cdc.Unwrapped, "Canal": cdc.Canal, "Maxwell": cdc.Maxwell,
	} {
		d, err := of(cdc.Mapping{Tables: []cdc.Table{users()}})
		require.NoError(t, err)
		for _, value := range []string{
			"", " ", "x", "1", `"x"`, "[]", "[{}]", "{", `{"a":`, "\x00\x00\x00\x00\x01{}", `{"op":"c"} {}`, "\xff",
		} {
			events, err := d.Decode(invalidation.Message{Topic: "a.public.users", Value: []byte(value)})
			assert.ErrorIs(t, err, invalidation.ErrMalformed, "%s: %q", name, value)
			assert.Empty(t, events)
		}
		assert.Equal(t, d.Stats().Messages, d.Stats().Malformed)
	}
}

func TestWhatComesBesideChangesIsIgnored(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	for _, m := range []invalidation.Message{
		{Topic: "__debezium-heartbeat.app", Key: []byte("app"), Value: []byte(`{"ts_ms":1}`)},
		{Topic: "beats", Key: []byte(`{"serverName":"app"}`), Value: []byte(`{"ts_ms":1}`)},
		{Topic: "app.transaction", Value: []byte(`{"status":"BEGIN","id":"1","event_count":null,"data_collections":null,"ts_ms":1}`)},
		{Topic: "app.transaction", Value: []byte(`{"status":"END","id":"1","event_count":1,"data_collections":[],"ts_ms":1}`)},
		envelope("postgresql", "m", `{"prefix":"a"}`, "null", "null"),
	} {
		assert.Empty(t, keys(t, d, m), "%s", m.Value)
	}
	assert.EqualValues(t, 5, d.Stats().Ignored)
	for _, m := range []invalidation.Message{
		{Topic: "beats", Value: []byte(`{"ts_ms":1}`)},
		{Topic: "app.transaction", Value: []byte(`{"status":"OPEN","id":"1","ts_ms":1}`)},
		{Topic: "app.transaction", Value: []byte(`{"status":"BEGIN"}`)},
	} {
		_, err := d.Decode(m)
		assert.ErrorIs(t, err, invalidation.ErrMalformed, "%s", m.Value)
	}
}

// What a message holds is somebody's data, and an error ends in logs.
func TestAnErrorHasNothingOfTheData(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	for _, m := range []invalidation.Message{
		envelope("mysql", "secret", "", "null", `{"id":"secret"}`),
		{Value: []byte(`{"secret":"secret"}`)},
		{Topic: "a.public.users", Key: []byte("secret")},
	} {
		_, err := d.Decode(m)
		require.ErrorIs(t, err, invalidation.ErrMalformed)
		assert.NotContains(t, err.Error(), "secret")
	}
}

func TestWithoutReportTheLogHasEachKeyOnce(t *testing.T) {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}})
	for range 3 {
		keys(t, d, envelope("postgresql", "u", `{"id":1}`, "null", `{"id":1,"email":"secret"}`))
		keys(t, d, envelope("postgresql", "c", `{"id":1}`, "null", `{"id":1,"email":{"secret":1}}`))
		keys(t, d, envelope("postgresql", "c", `{"id":1}`, "null", `{"id":1}`))
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 3, log.String())
	assert.Contains(t, lines[0], "table=public.users cache=email column=email op=update old=true state=unknown")
	assert.Contains(t, lines[1], "old=false state=unreadable")
	assert.Contains(t, lines[2], "old=false state=unknown")
	assert.NotContains(t, log.String(), "secret")
	assert.EqualValues(t, 9, d.Stats().Incomplete)
}

func TestADecoderMayBeUsedByManyAtOnce(t *testing.T) {
	d := decoder(t, cdc.Mapping{Tables: []cdc.Table{users()}, Report: func(cdc.Incomplete) {}})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				_, _ = d.Decode(envelope("postgresql", "u", `{"id":1}`, "null", `{"id":1,"email":"b"}`))
				_ = d.Stats()
			}
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1600, d.Stats().Messages)
	assert.EqualValues(t, 3200, d.Stats().Events)
}
