package cdc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/cachet-go/cachet/invalidation"
)

// Mapping says which caches hold records of which tables. A decoder keeps a copy.
type Mapping struct {
	// Tables is required. Changes of tables that it does not name are counted and ignored.
	Tables []Table
	// Snapshots has rows that a snapshot found invalidated like others, as after a loss of messages. Without it they are
	// counted and ignored, lest a new connector empty all caches.
	Snapshots bool
	// Report is told of each key that could not be made, synchronously, and by as many goroutines as decode. nil:
	// slog.Default, at level Warn, once for each key of a table and each reason
	Report func(Incomplete)
}

// Table is a table of which caches hold records.
type Table struct {
	// Name is required: "schema.table" or "database.schema.table", for MySQL and its kin "database.table". Its case
	// matters.
	Name string
	// Keys is required: a key for each cache that holds records of the table, also where its values are made of several
	// tables.
	Keys []Key
	// Full says that messages of Debezium tell the whole row as it was: on PostgreSQL, that the table has REPLICA IDENTITY
	// FULL. Without it PostgreSQL logs the primary key only, and the connector puts defaults, as "" and 0, in the place of
	// the rest; so columns outside of the message's key are believed only from MySQL, MariaDB, SQL Server, Oracle and Db2,
	// whose connectors insist on whole rows. Deletes that Unwrapped has as rows do not tell where they come from: they
	// need it with any database.
	Full bool
	// Topic is the topic of tombstones and of unwrapped rows, which do not name their table. "": one whose name is Name,
	// or ends with a dot and Name
	Topic string
}

// Key says how the key of a record is made of its columns. A record that has NULL in one of them has no key.
type Key struct {
	// Cache is the Name of the cache. Required
	Cache string
	// Columns are those that the key is made of. Required
	Columns []string
	// Text makes the text of the key of the values, in the order of Columns. It must make the same text as Config.Key of
	// the cache; for strings and integers as they are that is the value itself. Required for more than one column. nil:
	// the value
	Text func(values []string) string
}

// Incomplete tells of a key that could not be made, so that a record may have stayed in the cache.
type Incomplete struct {
	Table  string // Table.Name
	Cache  string
	Op     Op
	Old    bool   // the key that the record had before, and not the one that it has now
	Column string // the first of Key.Columns that stood in the way
	State  State  // Unknown or Unreadable
}

// table is a Table, with its keys by cache.
type table struct {
	Table
	db, bare string // of a table of MySQL, as statements name them
	caches   []cache
	names    []string // of caches
}

// cache is a cache of a table and its keys, of which there is one as a rule.
type cache struct {
	name   string
	prefix string // of its keys in the store
	keys   []*key
}

type key struct {
	Key
	told [2][2]atomic.Bool // whether the log has it: new and old, unknown and unreadable
}

// validate names the first field that makes no sense.
func (m Mapping) validate() error {
	if len(m.Tables) == 0 {
		return errors.New("cdc: Mapping.Tables is required")
	}
	names, topics := make(map[string]bool), make(map[string]bool)
	for _, t := range m.Tables {
		first, last, ok := strings.Cut(t.Name, ".")
		switch {
		case !ok || first == "" || last == "" || strings.HasSuffix(last, "."):
			return fmt.Errorf("cdc: Table.Name %q is not of the form schema.table", t.Name)
		case names[t.Name]:
			return fmt.Errorf("cdc: Table.Name %q comes twice", t.Name)
		case t.Topic != "" && topics[t.Topic]:
			return fmt.Errorf("cdc: Table.Topic %q comes twice", t.Topic)
		case len(t.Keys) == 0:
			return fmt.Errorf("cdc: Table.Keys of %q is required", t.Name)
		}
		names[t.Name], topics[t.Topic] = true, true
		for _, k := range t.Keys {
			switch {
			case k.Cache == "":
				return fmt.Errorf("cdc: Key.Cache of %q is required", t.Name)
			case len(k.Columns) == 0 || slices.Contains(k.Columns, ""):
				return fmt.Errorf("cdc: Key.Columns of %q, cache %q, is required", t.Name, k.Cache)
			case len(k.Columns) > 1 && k.Text == nil:
				return fmt.Errorf("cdc: Key.Text of %q, cache %q, is required for several columns", t.Name, k.Cache)
			}
		}
	}
	return nil
}

// compile returns t with its keys by cache, caches in the order in which they come first.
func (t Table) compile() *table {
	c := &table{Table: t}
	c.db, c.bare, _ = strings.Cut(t.Name, ".")
	for _, k := range t.Keys {
		k.Columns = slices.Clone(k.Columns)
		i := slices.Index(c.names, k.Cache)
		if i < 0 {
			i = len(c.caches)
			c.names = append(c.names, k.Cache)
			c.caches = append(c.caches, cache{name: k.Cache, prefix: invalidation.Prefix(k.Cache)})
		}
		c.caches[i].keys = append(c.caches[i].keys, &key{Key: k})
	}
	return c
}
