// Package cdc makes invalidations of what a database says it has committed, so that writers who know nothing of the
// cache are noticed too. It reads the messages of Debezium ([Debezium], [Unwrapped]), Canal and TiCDC ([Canal]), and
// Maxwell ([Maxwell]).
//
// A [Mapping] says which caches hold records of a table and of which columns their keys are made. A change of a row
// invalidates the keys of the row as it was and those of the row as it is, so a record that has got another key is
// deleted under both. TRUNCATE, DROP and RENAME clear the caches of the table.
//
//	dec, err := cdc.Debezium(cdc.Mapping{Tables: []cdc.Table{{
//		Name: "public.users",
//		Full: true, // on PostgreSQL with REPLICA IDENTITY FULL, for the key by email
//		Keys: []cdc.Key{
//			{Cache: "user", Columns: []string{"id"}},
//			{Cache: "user-by-email", Columns: []string{"email"}},
//		},
//	}}})
//
// Its Decode is the Decoder of kafkabus.Config.
//
// # What is not known is not guessed
//
// A message does not always tell what a column held before: PostgreSQL logs no more than the primary key unless the
// table has REPLICA IDENTITY FULL, MySQL may be told to log less than whole rows, and a connector leaves out columns
// that it is to leave out. A key that would need such a column is counted ([Stats].Incomplete) and reported
// ([Mapping].Report), and the record stays in the cache under that key until its TTL is over. The primary key is always
// known to Debezium and Maxwell, and to Canal with full row images.
//
// # What these decoders cannot see
//
// Whoever reads a topic that is compacted may find that an older message of a row is gone, and with it the keys that
// only that one told of. An ALTER TABLE that changes the values of a column is no change of a row to any database, and
// leaves the caches alone. docs/cdc.md says how to set up each connector.
package cdc
