package sqltest

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/cachet-go/cachet/internal/proctest"
)

// ReplicaServer is a PostgreSQL server that follows another and can be read. Nothing is awaited on its behalf: it lags
// as a replica does.
type ReplicaServer struct {
	*Server

	primary *Server
}

// Replica starts a replica of a server that [Postgres] has started, and waits until it follows. settings are as there.
func Replica(tb testing.TB, primary *Server, settings ...string) *ReplicaServer {
	tb.Helper()
	if _, ok := primary.engine.(*postgres); !ok {
		tb.Fatal("sqltest: the primary is not PostgreSQL")
	}
	r := &ReplicaServer{Server: startPostgres(tb, &postgres{primary: primary, settings: settings}), primary: primary}
	r.await("it streams", func() bool { return r.Exec("SELECT status FROM pg_stat_wal_receiver") == "streaming" })
	return r
}

// Lag makes the replica apply what is committed from now on no sooner than d after that was committed. Zero, which it
// starts with, makes it apply everything at once.
func (r *ReplicaServer) Lag(d time.Duration) {
	r.tb.Helper()
	const name = "recovery_min_apply_delay"
	want := strconv.FormatInt(d.Milliseconds(), 10)
	r.Exec(fmt.Sprintf("ALTER SYSTEM SET %s = '%sms'; SELECT pg_reload_conf()", name, want))
	r.await("it has read "+name, func() bool {
		return r.Exec("SELECT setting FROM pg_settings WHERE name = '"+name+"'") == want
	})
}

// CatchUp waits until the replica has applied all that the primary has committed.
func (r *ReplicaServer) CatchUp() {
	r.tb.Helper()
	at := r.primary.Exec("SELECT pg_current_wal_lsn()")
	r.await("it has applied "+at, func() bool {
		return r.Exec("SELECT pg_last_wal_replay_lsn() >= '"+at+"'") == "t"
	})
}

func (r *ReplicaServer) await(what string, so func() bool) {
	r.tb.Helper()
	for deadline := time.Now().Add(proctest.Patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			r.tb.Fatalf("sqltest: waited in vain for a replica: %s\n%s", what, r.process.Output())
		}
	}
}
