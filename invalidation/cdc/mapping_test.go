package cdc_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/cachet-go/cachet/invalidation/cdc"
)

func TestADecoderKeepsTheMappingItWasMadeOf(t *testing.T) {
	m := cdc.Mapping{Tables: []cdc.Table{users()}}
	d := decoder(t, m)
	m.Tables[0].Keys[0].Columns[0] = "email"
	m.Tables[0].Keys[1].Cache = "x"
	assert.Equal(t, []string{"user:1", "email:a"}, keys(t, d, envelope("mysql", "c", "", "null", `{"id":1,"email":"a"}`)))
}

func TestMappingNamesTheFieldItRefuses(t *testing.T) {
	key := []cdc.Key{{Cache: "user", Columns: []string{"id"}}}
	for want, m := range map[string]cdc.Mapping{
		"Mapping.Tables is required":       {},
		`"users" is not of the form`:       {Tables: []cdc.Table{{Name: "users", Keys: key}}},
		`"public." is not of the form`:     {Tables: []cdc.Table{{Name: "public.", Keys: key}}},
		`".users" is not of the form`:      {Tables: []cdc.Table{{Name: ".users", Keys: key}}},
		`Name "a.b" comes twice`:           {Tables: []cdc.Table{{Name: "a.b", Keys: key}, {Name: "a.b", Keys: key}}},
		`Topic "t" comes twice`:            {Tables: []cdc.Table{{Name: "a.b", Topic: "t", Keys: key}, {Name: "a.c", Topic: "t", Keys: key}}},
		"Table.Keys of \"a.b\" is":         {Tables: []cdc.Table{{Name: "a.b"}}},
		"Key.Cache of \"a.b\" is required": {Tables: []cdc.Table{{Name: "a.b", Keys: []cdc.Key{{Columns: []string{"id"}}}}}},
		"Key.Columns of \"a.b\"":           {Tables: []cdc.Table{{Name: "a.b", Keys: []cdc.Key{{Cache: "user"}}}}},
		"Key.Columns of":                   {Tables: []cdc.Table{{Name: "a.b", Keys: []cdc.Key{{Cache: "user", Columns: []string{""}}}}}},
		"Key.Text of \"a.b\"":              {Tables: []cdc.Table{{Name: "a.b", Keys: []cdc.Key{{Cache: "user", Columns: []string{"a", "b"}}}}}},
	} {
		for _, of := range []func(cdc.Mapping) (*cdc.Decoder, error){cdc.Debezium, cdc.Unwrapped, cdc.Canal, cdc.Maxwell} {
			_, err := of(m)
			assert.ErrorContains(t, err, want)
		}
	}
	two := cdc.Mapping{Tables: []cdc.Table{{Name: "a.b", Keys: key}, {Name: "a.c", Keys: key}}}
	_, err := cdc.Debezium(two)
	assert.NoError(t, err, "no topic is not one that comes twice")
}
