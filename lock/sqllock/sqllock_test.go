package sqllock_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/cachet-go/cachet/internal/redistest"
	"github.com/cachet-go/cachet/internal/sqltest"
	"github.com/cachet-go/cachet/lock"
	"github.com/cachet-go/cachet/lock/locktest"
	"github.com/cachet-go/cachet/lock/sqllock"
)

const ttl = 600 * time.Millisecond

func TestMain(m *testing.M) {
	_ = mysql.SetLogger(&mysql.NopLogger{}) // about servers that are down on purpose
	os.Exit(m.Run())
}

func connect(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func closed(t *testing.T, l *lock.Keeper) *lock.Keeper {
	t.Helper()
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// through returns how to connect to server by way of a proxy.
func through(server *sqltest.Server, proxy *redistest.Proxy) string {
	return strings.Replace(server.DSN(), net.JoinHostPort(server.Host, server.Port), proxy.Addr, 1)
}

// holders are the sessions that have a lock.
const holders = `FROM pg_locks WHERE locktype = 'advisory' AND granted`

func TestAdvisoryLocksOfPostgreSQLKeepTheContract(t *testing.T) {
	t.Parallel()
	locktest.Run(t, func(t *testing.T) locktest.Service {
		server := sqltest.Postgres(t)
		server.Exec(sqllock.PostgresSchema)
		return locktest.Service{
			TTL: ttl,
			Open: func(t *testing.T) (locktest.Locker, func()) {
				proxy := redistest.NewProxy(t, net.JoinHostPort(server.Host, server.Port))
				l := sqllock.Advisory(connect(t, "pgx", through(server, proxy)), lock.TTL(ttl))
				return closed(t, l), func() { proxy.Blackhole(true) }
			},
			Evict: func(_ *testing.T, key string) {
				sum := sha256.Sum256([]byte("lock:" + key))
				server.Exec(fmt.Sprintf(`SELECT pg_terminate_backend(pid) %s AND classid = %d AND objid = %d`, holders,
					binary.BigEndian.Uint32(sum[:4]), binary.BigEndian.Uint32(sum[4:8])))
			},
			Stop: func(*testing.T) { server.Stop() },
		}
	})
}

const evict = `UPDATE cachet_lock SET owner = '', until_us = 0 WHERE name = 'lock:`

func TestLocksInATableOfMariaDBKeepTheContract(t *testing.T) {
	t.Parallel()
	locktest.Run(t, func(t *testing.T) locktest.Service {
		server := sqltest.MariaDB(t)
		server.Exec(sqllock.MySQLSchema)
		return locktest.Service{
			TTL: ttl,
			Open: func(t *testing.T) (locktest.Locker, func()) {
				proxy := redistest.NewProxy(t, net.JoinHostPort(server.Host, server.Port))
				l := sqllock.Table(connect(t, "mysql", through(server, proxy)), sqllock.MySQL, lock.TTL(ttl))
				return closed(t, l), func() { proxy.Blackhole(true) }
			},
			Evict: func(_ *testing.T, key string) { server.Exec(evict + key + `'`) },
			Stop:  func(*testing.T) { server.Stop() },
		}
	})
}

func TestLocksInATableOfSQLiteKeepTheContract(t *testing.T) {
	t.Parallel()
	locktest.Run(t, func(t *testing.T) locktest.Service {
		dsn := "file:" + filepath.Join(t.TempDir(), "test.db") + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)"
		own := connect(t, "sqlite", dsn)
		_, err := own.Exec(sqllock.SQLiteSchema)
		require.NoError(t, err)
		var mu sync.Mutex
		var all []*sql.DB
		return locktest.Service{
			TTL: ttl,
			Open: func(t *testing.T) (locktest.Locker, func()) {
				db := connect(t, "sqlite", dsn)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, db)
				return closed(t, sqllock.Table(db, sqllock.SQLite, lock.TTL(ttl))), func() { _ = db.Close() }
			},
			Evict: func(t *testing.T, key string) {
				_, err := own.Exec(evict + key + `'`)
				require.NoError(t, err)
			},
			Stop: func(*testing.T) {
				mu.Lock()
				defer mu.Unlock()
				for _, db := range all {
					_ = db.Close()
				}
			},
		}
	})
}

func TestAConnectionGoesBackToItsPoolAsItWas(t *testing.T) {
	server := sqltest.Postgres(t)
	server.Exec(sqllock.PostgresSchema)
	db := connect(t, "pgx", server.DSN()+"&idle_session_timeout=77777")
	db.SetMaxOpenConns(1)
	l := closed(t, sqllock.Advisory(db, lock.TTL(ttl)))
	k, err := l.TryLock(t.Context(), "k")
	require.NoError(t, err)
	require.NoError(t, k.Unlock())
	var timeout string
	require.NoError(t, db.QueryRow(`SHOW idle_session_timeout`).Scan(&timeout))
	require.Equal(t, "77777ms", timeout)
	require.Equal(t, "0", server.Exec(`SELECT count(*) `+holders))
}

// A database that is not strict would cut it, and two keys would be one lock.
func TestANameThatDoesNotFitIsRefused(t *testing.T) {
	_, err := sqllock.Table(nil, sqllock.MySQL).TryLock(t.Context(), strings.Repeat("k", 251))
	require.ErrorContains(t, err, "255 bytes")
}

func TestAHolderIsToldOfTheEndOfItsSessionBeforeThatOfItsLease(t *testing.T) {
	const ttl = 4 * time.Second
	server := sqltest.Postgres(t)
	server.Exec(sqllock.PostgresSchema)
	k, err := closed(t, sqllock.Advisory(connect(t, "pgx", server.DSN()), lock.TTL(ttl))).TryLock(t.Context(), "k")
	require.NoError(t, err)
	start := time.Now()
	server.Exec(`SELECT pg_terminate_backend(pid) ` + holders)
	<-k.Context().Done()
	require.ErrorIs(t, context.Cause(k.Context()), lock.ErrLost)
	require.Less(t, time.Since(start), ttl*3/4)
}
