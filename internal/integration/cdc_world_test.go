package integration_test

import (
	"context"
	"database/sql"
	"fmt"
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
	byID := func(id int64) []any { return []any{id} }
	byText := func(text string) []any { return []any{text} }
	w.ids = map[string]*cachet.Cache[int64, string]{
		"user":  cdcCache(w, st, "user", "SELECT name FROM users WHERE id = %s", byID, nil),
		"plain": cdcCache(w, st, "plain", "SELECT email FROM plain WHERE id = %s", byID, nil),
	}
	w.emails = map[string]*cachet.Cache[string, string]{
		"email":       cdcCache(w, st, "email", "SELECT name FROM users WHERE email = %s", byText, nil),
		"plain-email": cdcCache(w, st, "plain-email", "SELECT email FROM plain WHERE email = %s", byText, nil),
	}
	w.pairs = cdcCache(w, st, "pair", "SELECT name FROM pairs WHERE tenant = %s AND code = %s",
		func(p cdcPair) []any { return []any{p.Tenant, p.Code} }, cdcPair.text)
	w.prices = cdcCache(w, st, "price", "SELECT name FROM prices WHERE amount = %s", byText, nil)

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

// fill has keys cached, if only as absent. A busy machine may need several attempts: a look-up that takes too long is
// answered from the database.
func (w *cdcWorld) fill(names ...string) {
	w.Helper()
	for _, name := range names {
		w.await(name+" is cached", func() bool {
			if _, err := w.get(name); err != nil {
				require.ErrorIs(w, err, cachet.ErrNotFound, name)
			}
			return w.cached(name)
		})
	}
}

func (w *cdcWorld) await(what string, so func() bool) {
	w.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			w.Fatalf("waited in vain: %s; %+v", what, w.decoder.Stats())
		}
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
		w.await(name+" is deleted", func() bool { return !w.cached(name) })
	}
}

// warm writes to each table until that is noticed: its topic has been made and is consumed.
func (w *cdcWorld) warm() {
	w.Helper()
	for key, statement := range map[string]string{
		"user:1":        "INSERT INTO users VALUES (1, 'a@x', 'Ann')",
		"plain:1":       "INSERT INTO plain VALUES (1, 'a@x')",
		"pair:1/x:y":    "INSERT INTO pairs VALUES (1, 'x:y', 'one')",
		"price:12.5000": "INSERT INTO prices VALUES (12.5, 'low')",
	} {
		w.fill(key)
		w.exec(statement)
	}
	w.exec("INSERT INTO unmapped VALUES (1)")
	w.gone("user:1", "plain:1", "pair:1/x:y", "price:12.5000")
}
