package cdc_test

import (
	"fmt"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

// A change of an e-mail address deletes the record under its number, the old address and the new one. The decoder's
// Decode is the Decoder of kafkabus.Config.
func ExampleDebezium() {
	dec, err := cdc.Debezium(cdc.Mapping{Tables: []cdc.Table{{
		Name: "shop.users",
		Keys: []cdc.Key{
			{Cache: "user", Columns: []string{"id"}},
			{Cache: "user-by-email", Columns: []string{"email"}},
		},
	}}})
	if err != nil {
		panic(err)
	}
	events, err := dec.Decode(invalidation.Message{
		Topic: "app.shop.users",
		Key:   []byte(`{"id":7}`),
		Value: []byte(`{"before":{"id":7,"email":"ann@old"},"after":{"id":7,"email":"ann@new"},
			"source":{"connector":"mariadb","db":"shop","table":"users"},"op":"u"}`),
	})
	if err != nil {
		panic(err)
	}
	for _, e := range events {
		fmt.Println(e.Keys)
	}
	// Output:
	// [user:7]
	// [user-by-email:ann@old user-by-email:ann@new]
}

// Several columns make one key, by the same function as Config.Key of the cache.
func ExampleKey_composite() {
	key := func(tenant, sku string) string { return tenant + "/" + sku }
	dec, err := cdc.Maxwell(cdc.Mapping{Tables: []cdc.Table{{
		Name: "shop.prices",
		Keys: []cdc.Key{{
			Cache:   "price",
			Columns: []string{"tenant", "sku"},
			Text:    func(v []string) string { return key(v[0], v[1]) },
		}},
	}}})
	if err != nil {
		panic(err)
	}
	events, err := dec.Decode(invalidation.Message{Value: []byte(
		`{"database":"shop","table":"prices","type":"delete","ts":1477053300,"data":{"sku":"A1","tenant":3,"price":"9.90"}}`,
	)})
	if err != nil {
		panic(err)
	}
	fmt.Println(events[0].Keys)
	// Output: [price:3/A1]
}
