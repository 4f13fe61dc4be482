package cdc

import (
	"slices"
	"strings"
)

// endsRows reports whether a statement of DDL may end rows without telling of each: TRUNCATE, DROP, RENAME, CREATE OR
// REPLACE, and the same done to a partition. It looks for words only, and finds them in comments too: to clear a cache
// for nothing costs loads, and to miss one costs the truth.
func endsRows(statement string) bool {
	words := strings.FieldsFunc(strings.ToUpper(statement), func(r rune) bool { return !letter(r) })
	next := func(i int, of ...string) bool { return i+1 < len(words) && slices.Contains(of, words[i+1]) }
	for i, word := range words {
		switch word {
		case "TRUNCATE":
			return true
		case "DROP":
			if next(i, "TABLE", "TEMPORARY", "TABLES", "DATABASE", "SCHEMA", "PARTITION") {
				return true
			}
		case "RENAME":
			if !next(i, "COLUMN", "INDEX", "KEY", "CONSTRAINT", "USER") {
				return true
			}
		case "REPLACE":
			if next(i, "TABLE", "TEMPORARY") {
				return true
			}
		case "EXCHANGE":
			if next(i, "PARTITION") {
				return true
			}
		case "DISCARD", "IMPORT":
			if next(i, "TABLESPACE", "PARTITION") {
				return true
			}
		}
	}
	return false
}

// wide reports whether a statement is about a whole database.
func wide(statement string) bool {
	words := strings.FieldsFunc(strings.ToUpper(statement), func(r rune) bool { return !letter(r) })
	i := slices.Index(words, "DROP")
	return i >= 0 && i+1 < len(words) && (words[i+1] == "DATABASE" || words[i+1] == "SCHEMA")
}

// names reports whether the statement of a change, or that it is about a whole database, ends the rows of t. Messages
// name one table, and statements several.
func (c *Change) names(t *table) bool {
	switch {
	case c.statement == "":
		return c.Table == "" && t.db == c.DB
	case wide(c.statement):
		return mentions(c.statement, t.db)
	}
	return mentions(c.statement, t.bare) && (t.db == c.DB || mentions(c.statement, t.db))
}

// mentions reports whether a statement has a name in it that is not a part of a longer one.
func mentions(statement, name string) bool {
	statement, name = strings.ToLower(statement), strings.ToLower(name)
	for at := 0; ; {
		i := strings.Index(statement[at:], name)
		if i < 0 {
			return false
		}
		i += at
		end := i + len(name)
		before := i > 0 && letter(rune(statement[i-1]))
		after := end < len(statement) && letter(rune(statement[end]))
		if !before && !after {
			return true
		}
		at = i + 1
	}
}

// letter reports whether r may stand in a name that is not in quotes.
func letter(r rune) bool {
	return r == '_' || r == '$' || r >= 0x80 || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
