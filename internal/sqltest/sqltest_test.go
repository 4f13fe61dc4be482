package sqltest_test

import (
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/cachet-go/cachet/internal/sqltest"
)

var servers = map[string]func(testing.TB, ...string) *sqltest.Server{
	"postgres": sqltest.Postgres,
	"mariadb":  sqltest.MariaDB,
}

func TestAServerKeepsWhatIsCommitted(t *testing.T) {
	for name, start := range servers {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.Exec("CREATE TABLE t (i int, v text); INSERT INTO t VALUES (1, 'killed')")
			s.Kill()
			s.Kill()
			s.Restart()
			s.Exec("INSERT INTO t VALUES (2, 'stopped')")
			s.Stop()
			s.Restart()
			assert.Equal(t, "1\tkilled\n2\tstopped", s.Exec("SELECT i, v FROM t ORDER BY i"))
		})
	}
}

// A backend of PostgreSQL that is computing does not see that its server is gone, and would commit.
func TestNothingIsCommittedAfterAKill(t *testing.T) {
	s := sqltest.Postgres(t)
	s.Exec("CREATE TABLE t (i int)")
	busy := exec.Command("psql", s.DSN(), "-c", "INSERT INTO t SELECT count(*) FROM generate_series(1, 10000000)")
	require.NoError(t, busy.Start())
	require.Eventually(t, func() bool {
		return s.Exec("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'INSERT%'") == "1"
	}, 10*time.Second, 10*time.Millisecond)
	s.Kill()
	require.Error(t, busy.Wait())
	s.Restart()
	assert.Empty(t, s.Exec("SELECT i FROM t"))
}

func TestSettingsReachTheServer(t *testing.T) {
	pg := sqltest.Postgres(t, "wal_level=logical")
	assert.Equal(t, "logical", pg.Exec("SHOW wal_level"))
	my := sqltest.MariaDB(t, "--log-bin=binlog", "--binlog-format=ROW")
	assert.Equal(t, "1\tROW", my.Exec("SELECT @@log_bin, @@binlog_format"))
}

func TestAReplicaLagsAsItIsTold(t *testing.T) {
	primary := sqltest.Postgres(t)
	primary.Exec("CREATE TABLE t (i int); INSERT INTO t VALUES (1)")
	replica := sqltest.Replica(t, primary)
	assert.Equal(t, "1", replica.Exec("SELECT i FROM t"))
	assert.Equal(t, "t", replica.Exec("SELECT pg_is_in_recovery()"))

	replica.Lag(time.Hour)
	primary.Exec("UPDATE t SET i = 2")
	assert.Equal(t, "1", replica.Exec("SELECT i FROM t"))
	replica.Lag(0)
	replica.CatchUp()
	assert.Equal(t, "2", replica.Exec("SELECT i FROM t"))

	primary.Restart()
	primary.Exec("UPDATE t SET i = 3")
	replica.CatchUp()
	assert.Equal(t, "3", replica.Exec("SELECT i FROM t"), "it follows a primary that comes back")
	replica.Restart()
	assert.Equal(t, "3", replica.Exec("SELECT i FROM t"))
}
