package cdc_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
)

func TestStatementsThatEndRowsClearTheTablesTheyName(t *testing.T) {
	one := func(name, cache string) cdc.Table {
		return cdc.Table{Name: name, Keys: []cdc.Key{{Cache: cache, Columns: []string{"id"}}}}
	}
	d, err := cdc.Debezium(cdc.Mapping{Tables: []cdc.Table{
		one("shop.users", "a"), one("shop.orders", "b"), one("crm.users", "c"), one("shop.user", "d"),
	}})
	require.NoError(t, err)
	for statement, want := range map[string][]string{
		"TRUNCATE TABLE users":                                {"a:"},
		"truncate `users`":                                    {"a:"},
		"DROP TABLE IF EXISTS `shop`.`users`, orders":         {"a:", "b:"},
		"DROP TABLE crm.users":                                {"a:", "c:"}, // shop is the database of the session
		"DROP TABLE users_old":                                nil,
		"DROP TABLE old_users":                                nil,
		"RENAME TABLE users TO users_old, _users TO users":    {"a:"},
		"ALTER TABLE users RENAME TO x":                       {"a:"},
		"ALTER TABLE x RENAME AS users":                       {"a:"},
		"ALTER TABLE users RENAME COLUMN a TO b":              nil,
		"ALTER TABLE users RENAME INDEX a TO b":               nil,
		"ALTER TABLE users ADD COLUMN c INT":                  nil,
		"ALTER TABLE users DROP COLUMN c":                     nil,
		"ALTER TABLE users DROP PARTITION p0":                 {"a:"},
		"ALTER TABLE users TRUNCATE PARTITION p0":             {"a:"},
		"ALTER TABLE users EXCHANGE PARTITION p WITH TABLE x": {"a:"},
		"ALTER TABLE users IMPORT TABLESPACE":                 {"a:"},
		"CREATE OR REPLACE TABLE users (id INT)":              {"a:"},
		"CREATE TABLE users (id INT)":                         nil,
		"CREATE OR REPLACE VIEW v AS SELECT * FROM users":     nil,
		"DROP DATABASE shop":                                  {"a:", "b:", "d:"},
		"DROP SCHEMA IF EXISTS `crm`":                         {"c:"},
		"DROP INDEX i ON users":                               nil,
		"DROP TABLE ÄUsers":                                   nil,
	} {
		b, err := json.Marshal(map[string]any{
			"source": map[string]string{"connector": "mysql", "db": "shop", "table": ""}, "databaseName": "shop", "ddl": statement,
		})
		require.NoError(t, err)
		events, err := d.Decode(invalidation.Message{Topic: "app", Value: b})
		require.NoError(t, err)
		var got []string
		for _, e := range events {
			assert.Equal(t, invalidation.Clear, e.Op)
			got = append(got, e.Keys...)
		}
		assert.Equal(t, want, got, statement)
	}
}
