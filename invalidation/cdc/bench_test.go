package cdc_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

// BenchmarkDecode decodes and maps updates of one row, with the primary key alone and with a secondary one.
func BenchmarkDecode(b *testing.B) {
	person := cdc.Table{Name: "public.whole", Full: true, Keys: []cdc.Key{{Cache: "user", Columns: []string{"id"}}}}
	shop, mariadb := person, person
	shop.Name, mariadb.Name = "shop.users", "cachet.whole"
	one := cdc.Mapping{Tables: []cdc.Table{person, shop, mariadb}}
	two := cdc.Mapping{}
	for _, t := range one.Tables {
		t.Keys = append(t.Keys[:1:1], cdc.Key{Cache: "email", Columns: []string{"email"}})
		two.Tables = append(two.Tables, t)
	}
	for _, of := range []struct {
		name, file string
		decoder    func(cdc.Mapping) (*cdc.Decoder, error)
	}{
		{"Debezium", "debezium-postgres", cdc.Debezium},
		{"DebeziumWithSchema", "debezium-postgres-schema", cdc.Debezium},
		{"CloudEvents", "debezium-postgres-cloudevents", cdc.Debezium},
		{"Unwrapped", "debezium-postgres-rewritten", cdc.Unwrapped},
		{"Canal", "canal", cdc.Canal},
		{"Maxwell", "maxwell", cdc.Maxwell},
	} {
		for name, mapping := range map[string]cdc.Mapping{"OneKey": one, "TwoKeys": two} {
			b.Run(of.name+"/"+name, func(b *testing.B) {
				mapping.Report = func(cdc.Incomplete) {}
				d, err := of.decoder(mapping)
				require.NoError(b, err)
				m := anUpdate(b, d, "testdata/"+of.file+".jsonl")
				b.SetBytes(int64(len(m.Value)))
				b.ReportAllocs()
				for b.Loop() {
					if events, err := d.Decode(m); err != nil || len(events) == 0 {
						b.Fatal(events, err)
					}
				}
			})
		}
	}
}

// anUpdate returns the first message of a file that tells of an update of one row of a table that d knows.
func anUpdate(tb testing.TB, d *cdc.Decoder, file string) invalidation.Message {
	tb.Helper()
	for _, v := range vectors(tb, file) {
		m := v.message()
		changes, err := d.Changes(m)
		events, _ := d.Decode(m)
		if err == nil && len(events) > 0 && changes[0].Op == cdc.Update {
			return m
		}
	}
	tb.Fatalf("%s has no update", file)
	return invalidation.Message{}
}
