package outbox

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// Dialect says what kind of database the table is in.
type Dialect int

const (
	Postgres Dialect = iota + 1 // PostgreSQL 12 or later
	MySQL                       // MySQL 8.0.13 or MariaDB 10.6, or later; not with binlog_format=STATEMENT
	SQLite                      // SQLite 3.24 or later
)

// grammar is a dialect in full.
type grammar struct {
	schema string
	// numbered parameters are $1, $2, … and not ?
	numbered bool
	// claim selects seq, attempts and payload of what is due, in order, and is given how many attempts and how many rows
	// at most. It takes no locks.
	claim string
	// park is given a delay in seconds and a seq.
	park string
	// depth selects how many events there are, how many of them are parked, and the age of the oldest in seconds.
	depth string
	// remove deletes rows without waiting for anybody who inserts.
	remove func(ctx context.Context, s session, seqs []int64) error
	// elect makes the caller the leader, or returns nil if there is another one.
	elect func(ctx context.Context, db *sql.DB) (*leader, error)
}

var grammars = [...]grammar{Postgres: postgres, MySQL: mysql, SQLite: sqlite}

// insert returns the statement that inserts so many rows.
func (g *grammar) insert(rows int) string {
	const columns = 5
	var b strings.Builder
	b.WriteString(`INSERT INTO cache_outbox (id, aggregatetype, aggregateid, type, payload) VALUES `)
	for i := range rows * columns {
		switch {
		case i == 0:
			b.WriteString("(")
		case i%columns == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		if g.numbered {
			b.WriteString("$" + strconv.Itoa(i+1))
		} else {
			b.WriteString("?")
		}
	}
	b.WriteString(")")
	return b.String()
}

// list returns numbers as SQL.
func list(seqs []int64) string {
	var b []byte
	for i, seq := range seqs {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, seq, 10)
	}
	return string(b)
}
