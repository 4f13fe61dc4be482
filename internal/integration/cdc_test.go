package integration_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet"
	"github.com/cachet-go/cachet/internal/kafkatest"
	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/sqltest"
	"github.com/cachet-go/cachet/invalidation"
	"github.com/cachet-go/cachet/invalidation/cdc"
	"github.com/cachet-go/cachet/invalidation/kafkabus"
	"github.com/cachet-go/cachet/store/redisstore"
)

// cdcSchema makes the tables. whole is what users need on PostgreSQL for keys other than the primary.
const cdcSchema = `CREATE TABLE users (id BIGINT PRIMARY KEY, email VARCHAR(64) NOT NULL, name VARCHAR(64) NOT NULL);
CREATE TABLE plain (id BIGINT PRIMARY KEY, email VARCHAR(64) NOT NULL);
CREATE TABLE pairs (tenant INT, code VARCHAR(16), name VARCHAR(64) NOT NULL, PRIMARY KEY (tenant, code));
CREATE TABLE prices (amount DECIMAL(20,4) PRIMARY KEY, name VARCHAR(64) NOT NULL);
CREATE TABLE unmapped (id INT PRIMARY KEY);
`

// cdcPair is a composite key. Its text is what cdc makes of the columns.
type cdcPair struct {
	Tenant int
	Code   string
}

func (p cdcPair) text() string { return cdcPairText([]string{strconv.Itoa(p.Tenant), p.Code}) }

func cdcPairText(values []string) string { return values[0] + "/" + values[1] }

// cdcMapping is what a user of the tables would declare. db is the first part of their names.
func cdcMapping(db string, report func(cdc.Incomplete)) cdc.Mapping {
	return cdc.Mapping{Report: report, Tables: []cdc.Table{
		{Name: db + ".users", Full: true, Keys: []cdc.Key{
			{Cache: "user", Columns: []string{"id"}}, {Cache: "email", Columns: []string{"email"}},
		}},
		{Name: db + ".plain", Keys: []cdc.Key{
			{Cache: "plain", Columns: []string{"id"}}, {Cache: "plain-email", Columns: []string{"email"}},
		}},
		{Name: db + ".pairs", Keys: []cdc.Key{{Cache: "pair", Columns: []string{"tenant", "code"}, Text: cdcPairText}}},
		{Name: db + ".prices", Keys: []cdc.Key{{Cache: "price", Columns: []string{"amount"}}}},
	}}
}

// cdcWorld is a database whose changes reach a Redis by way of Debezium and Kafka, and caches in that Redis.
type cdcWorld struct {
	*testing.T
	db      *sql.DB
	redis   *redistest.Server
	decoder *cdc.Decoder
	reports chan cdc.Incomplete

	ids    map[string]*cachet.Cache[int64, string] // user and plain
	emails map[string]*cachet.Cache[string, string]
	pairs  *cachet.Cache[cdcPair, string]
	prices *cachet.Cache[string, string]
}

func newCDCWorld(t *testing.T, b *kafkatest.Broker, s *sqltest.Server, driver, prefix, db string) *cdcWorld {
	t.Helper()
	w := &cdcWorld{T: t, redis: redistest.Start(t), reports: make(chan cdc.Incomplete, 10_000)}
	var err error
	w.decoder, err = cdc.Debezium(cdcMapping(db, func(i cdc.Incomplete) { w.reports <- i }))
	require.NoError(t, err)
	w.db, err = sql.Open(driver, s.DSN())
	require.NoError(t, err)
	t.Cleanup(func() { w.db.Close() })

	st := redisstore.New(w.redis.Client(t), redisstore.Options{})
	t.Cleanup(func() { st.Close() })
	w.ids = map[string]*cachet.Cache[int64, string]{
		"user":  cdcCache(w, st, "user", "SELECT name FROM users WHERE id = %s", func(id int64) []any { return []any{id} }, nil),
		"plain": cdcCache(w, st, "plain", "SELECT email FROM plain WHERE id = %s", func(id int64) []any { return []any{id} }, nil),
	}
	w.emails = map[string]*cachet.Cache[string, string]{
		"email":       cdcCache(w, st, "email", "SELECT name FROM users WHERE email = %s", func(e string) []any { return []any{e} }, nil),
		"plain-email": cdcCache(w, st, "plain-email", "SELECT email FROM plain WHERE email = %s", func(e string) []any { return []any{e} }, nil),
	}
	w.pairs = cdcCache(w, st, "pair", "SELECT name FROM pairs WHERE tenant = %s AND code = %s",
		func(p cdcPair) []any { return []any{p.Tenant, p.Code} }, cdcPair.text)
	w.prices = cdcCache(w, st, "price", "SELECT name FROM prices WHERE amount = %s", func(a string) []any { return []any{a} }, nil)

	topics := []string{prefix} // of schema changes
	for _, table := range []string{"users", "plain", "pairs", "prices", "unmapped"} {
		topics = append(topics, prefix+"."+db+"."+table)
	}
	sub, err := kafkabus.NewSubscriber(kafkabus.Config{
		Brokers: []string{b.Addr}, Topics: topics, Group: prefix, Decoder: w.decoder.Decode,
		Error: func(context.Context, error) {}, // topics that are still to come
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- invalidation.Apply(ctx, sub, st, invalidation.Options{}) }()
	t.Cleanup(func() {
		cancel()
		assert.NoError(t, <-done)
		assert.NoError(t, sub.Close())
	})
	return w
}

// cdcCache returns a cache of what a query finds.
func cdcCache[K comparable](
	w *cdcWorld, st *redisstore.Store, name, query string, args func(K) []any, key func(K) string,
) *cachet.Cache[K, string] {
	w.Helper()
	for i := 1; strings.Contains(query, "%s"); i++ {
		place := "?"
		if strings.Contains(fmt.Sprintf("%T", w.db.Driver()), "stdlib") {
			place = fmt.Sprintf("$%d", i)
		}
		query = strings.Replace(query, "%s", place, 1)
	}
	c, err := cachet.New(st, cachet.Config[K, string]{
		Name: name, Key: key, TTL: time.Hour, NotFoundTTL: time.Hour,
		Load: func(ctx context.Context, k K) (value string, err error) {
			return value, w.db.QueryRowContext(ctx, query, args(k)...).Scan(&value)
		},
	})
	require.NoError(w, err)
	w.Cleanup(func() { c.Close() })
	return c
}

// get reads by the cache whose key in the store is name.
func (w *cdcWorld) get(name string) (string, error) {
	w.Helper()
	cache, text, _ := strings.Cut(name, ":")
	switch {
	case w.ids[cache] != nil:
		id, err := strconv.ParseInt(text, 10, 64)
		require.NoError(w, err)
		return w.ids[cache].Get(w.Context(), id)
	case w.emails[cache] != nil:
		return w.emails[cache].Get(w.Context(), text)
	case cache == "price":
		return w.prices.Get(w.Context(), text)
	}
	tenant, code, _ := strings.Cut(text, "/")
	n, err := strconv.Atoi(tenant)
	require.NoError(w, err)
	return w.pairs.Get(w.Context(), cdcPair{n, code})
}

// fill has keys cached, if only as absent.
func (w *cdcWorld) fill(names ...string) {
	w.Helper()
	for _, name := range names {
		if _, err := w.get(name); err != nil {
			require.ErrorIs(w, err, cachet.ErrNotFound, name)
		}
		require.True(w, w.cached(name), name)
	}
}

func (w *cdcWorld) cached(name string) bool {
	w.Helper()
	return w.redis.Do("EXISTS", name) == int64(1)
}

// exec writes as somebody who knows nothing of the cache.
func (w *cdcWorld) exec(statement string) {
	w.Helper()
	_, err := w.db.ExecContext(w.Context(), statement)
	require.NoError(w, err, statement)
}

// gone waits until keys are deleted.
func (w *cdcWorld) gone(names ...string) {
	w.Helper()
	for _, name := range names {
		require.Eventually(w, func() bool { return !w.cached(name) }, 30*time.Second, 2*time.Millisecond, name)
	}
}

// warm writes to each table until that is noticed: its topic has been made and is consumed.
func (w *cdcWorld) warm() {
	w.Helper()
	for key, statement := range map[string]string{
		"user:1": "INSERT INTO users VALUES (1, 'a@x', 'Ann')", "plain:1": "INSERT INTO plain VALUES (1, 'a@x')",
		"pair:1/x:y": "INSERT INTO pairs VALUES (1, 'x:y', 'one')", "price:12.5000": "INSERT INTO prices VALUES (12.5, 'low')",
	} {
		w.fill(key)
		w.exec(statement)
	}
	w.exec("INSERT INTO unmapped VALUES (1)")
	w.gone("user:1", "plain:1", "pair:1/x:y", "price:12.5000")
}

func TestDatabasesTellTheCacheWhatTheyCommit(t *testing.T) {
	b := kafkatest.Start(t)
	pg, my := cdcPostgres(t), cdcMariaDB(t)
	pg.Exec(cdcSchema + "ALTER TABLE users REPLICA IDENTITY FULL;")
	my.Exec(cdcSchema)
	kafkatest.Connect(t, b,
		cdcConnector("pg", pg, nil), cdcConnector("my", my, nil))

	t.Run("PostgreSQL", func(t *testing.T) {
		w := newCDCWorld(t, b, pg, "pgx", "pg", "public")
		w.warm()
		w.rows()
		w.fill("plain:1", "plain-email:a@x")
		w.exec("UPDATE plain SET email = 'b@x'")
		w.gone("plain:1")
		assert.True(t, w.cached("plain-email:a@x"), "PostgreSQL has not told it")
		assert.Equal(t, cdc.Incomplete{
			Table: "public.plain", Cache: "plain-email", Op: cdc.Update, Old: true, Column: "email", State: cdc.Unknown,
		}, <-w.reports)
		assert.EqualValues(t, 1, w.decoder.Stats().Incomplete)
		w.latency()
	})
	t.Run("MariaDB", func(t *testing.T) {
		w := newCDCWorld(t, b, my, "mysql", "my", "cachet")
		w.warm()
		w.rows()
		w.fill("plain:1", "plain-email:a@x")
		w.exec("UPDATE plain SET email = 'b@x'")
		w.gone("plain:1", "plain-email:a@x")
		w.fill("plain:1", "plain-email:b@x")
		w.exec("DROP TABLE plain")
		w.gone("plain:1", "plain-email:b@x")
		assert.Zero(t, w.decoder.Stats().Incomplete)
		w.latency()
	})
}

// rows changes rows and looks which keys are deleted.
func (w *cdcWorld) rows() {
	const big = "9007199254740993" // 2^53 + 1, which no float64 can hold
	for _, step := range []struct {
		write      string
		gone, stay []string
		read       map[string]string // afterwards, through the cache
	}{
		{
			write: "INSERT INTO users VALUES (2, 'b@x', 'Bob')",
			gone:  []string{"user:2", "email:b@x"}, // known to be absent
			stay:  []string{"user:1", "email:a@x"},
			read:  map[string]string{"user:2": "Bob", "email:b@x": "Bob"},
		},
		{
			write: "UPDATE users SET name = 'Anna' WHERE id = 1",
			gone:  []string{"user:1", "email:a@x"},
			stay:  []string{"user:2", "email:b@x"},
			read:  map[string]string{"user:1": "Anna", "email:a@x": "Anna"},
		},
		{
			write: "UPDATE users SET email = 'c@x' WHERE id = 1",
			gone:  []string{"user:1", "email:a@x", "email:c@x"},
			stay:  []string{"user:2", "email:b@x"},
			read:  map[string]string{"email:c@x": "Anna"},
		},
		{
			write: "UPDATE users SET id = " + big + " WHERE id = 2",
			gone:  []string{"user:2", "user:" + big, "email:b@x"},
			stay:  []string{"user:1", "email:c@x", "user:9007199254740992"},
			read:  map[string]string{"user:" + big: "Bob"},
		},
		{
			write: "DELETE FROM users WHERE id = " + big,
			gone:  []string{"user:" + big, "email:b@x"},
			stay:  []string{"user:1", "email:c@x"},
		},
		{
			write: "UPDATE pairs SET code = 'x:z'",
			gone:  []string{"pair:1/x:y", "pair:1/x:z"},
			stay:  []string{"user:1"},
			read:  map[string]string{"pair:1/x:z": "one"},
		},
		{
			write: "UPDATE prices SET amount = 13.25",
			gone:  []string{"price:12.5000", "price:13.2500"},
			stay:  []string{"pair:1/x:z"},
			read:  map[string]string{"price:13.2500": "low"},
		},
		{
			write: "TRUNCATE TABLE users",
			gone:  []string{"user:1", "user:2", "email:c@x", "email:nobody@x"},
			stay:  []string{"pair:1/x:z", "price:13.2500", "plain:1"},
		},
	} {
		w.fill(append(step.gone, step.stay...)...)
		w.exec(step.write)
		w.gone(step.gone...)
		for _, name := range step.stay {
			assert.True(w, w.cached(name), "%s: %s", step.write, name)
		}
		for name, want := range step.read {
			got, err := w.get(name)
			assert.NoError(w, err, "%s: %s", step.write, name)
			assert.Equal(w, want, got, "%s: %s", step.write, name)
		}
	}
	for name := range map[string]bool{"user:1": true, "email:c@x": true} {
		_, err := w.get(name)
		assert.ErrorIs(w, err, cachet.ErrNotFound)
	}
	assert.EqualValues(w, 0, w.decoder.Stats().Malformed)
	assert.Positive(w, w.decoder.Stats().Unmapped)
}

// latency measures how long a copy outlives the commit of its record.
func (w *cdcWorld) latency() {
	const records, pause = 200, 20 * time.Millisecond
	names := make([]string, records)
	for i := range names {
		names[i] = fmt.Sprintf("user:%d", 1000+i)
	}
	w.fill(names...)
	for i := range names {
		w.exec(fmt.Sprintf("INSERT INTO users VALUES (%d, '%d@x', 'x')", 1000+i, i))
	}
	w.gone(names...) // the inserts are through
	w.fill(names...)

	client := w.redis.Client(w.T)
	committed := make([]time.Time, records)
	next := make(chan int, records)
	var late []time.Duration
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		var open []int
		for {
			select {
			case i, ok := <-next:
				if !ok && len(open) == 0 {
					return
				}
				if ok {
					open = append(open, i)
				}
			case <-time.After(time.Millisecond):
			}
			if len(open) == 0 {
				continue
			}
			keys := make([]any, len(open))
			for j, i := range open {
				keys[j] = names[i]
			}
			values, err := client.Do(context.Background(), append([]any{"MGET"}, keys...)...).Slice()
			now := time.Now()
			if err != nil {
				w.Errorf("MGET: %v", err)
				return
			}
			var left []int
			for j, i := range open {
				if values[j] != nil {
					left = append(left, i)
				} else {
					late = append(late, now.Sub(committed[i]))
				}
			}
			open = left
		}
	}()
	for i := range names {
		w.exec(fmt.Sprintf("UPDATE users SET name = 'y' WHERE id = %d", 1000+i))
		committed[i] = time.Now()
		next <- i
		time.Sleep(pause)
	}
	close(next)
	<-watched
	report(w.T, late)
}

// report prints quantiles.
func report(t *testing.T, late []time.Duration) {
	t.Helper()
	require.NotEmpty(t, late)
	sorted := cdcSorted(late)
	line := fmt.Sprintf("%s: commit to deleted: p50 %v, p99 %v, max %v (%d records)", t.Name(),
		sorted[len(sorted)/2].Round(time.Millisecond), sorted[len(sorted)*99/100].Round(time.Millisecond),
		sorted[len(sorted)-1].Round(time.Millisecond), len(sorted))
	fmt.Fprintln(os.Stderr, line)
	assert.Less(t, sorted[len(sorted)/2], 10*time.Second)
}
