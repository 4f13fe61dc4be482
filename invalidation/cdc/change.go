package cdc

import "time"

// Op is what happened to a row, or to all rows of a table.
type Op string

// What a message may tell of.
const (
	Insert Op = "insert"
	Update Op = "update"
	Delete Op = "delete"
	// Upsert is an insert or an update: the message does not tell which.
	Upsert Op = "upsert"
	// Read is a row that a snapshot found. Nothing happened to it.
	Read Op = "read"
	// Truncate is the end of all rows of a table at once: by TRUNCATE, DROP, RENAME, or with a partition.
	Truncate Op = "truncate"
)

// Change is what a message says about one row, or about all rows of a table. Its rows share memory with the message.
type Change struct {
	DB     string // "" where the message does not name it
	Schema string // "" for MySQL and its kin, where DB and schema are one
	Table  string // "" if Op is Truncate and the whole database is meant
	Op     Op
	Key    Row       // columns of the message key, which are those of the primary key; empty for Canal and Maxwell
	Before Row       // of Update and Delete; on PostgreSQL see Table.Full
	After  Row       // of all but Delete and Truncate
	Time   time.Time // of the commit or the statement, on the clock of the database; zero if the message has none

	// mixed tells that Before may have made-up values in the place of what is not known, in columns outside of Key.
	mixed bool
	// echo tells that another message of this delete came before, which tells more.
	echo bool
	// statement is the DDL that Truncate stands for, if it came as such.
	statement string
}
